"""The names of trigger terminals: one for each physical line, however a driver writes it."""

from __future__ import annotations

import re

_NOTHING = {"", "none", "immediate", "no_source", "sw_trig_func", "software"}
_SHARED = re.compile(r"(?:pxi_?trig|rtsi_?|ttl_?)([0-7])")
_OWN = re.compile(r"pfi_?(\d+)")


def terminal_name(text: str, device: str) -> str:
    """Return the one name of a terminal; empty if the text names none.

    The lines PXI_Trig0 to PXI_Trig7 of a chassis are shared by all instruments. RTSI and TTL are
    other names of them. All other terminals belong to an instrument.

    Args:
        text: As clients write it: `PXI_Trig0`, `VAL_RTSI_0`, `/Dev1/PFI0`, `Dev2/Engine0/…Event`.
        device: The instrument whose terminal it is, if the text names no instrument.
    """
    owner, line = device.lower(), "".join(text.split()).lower().removeprefix("niscope_")
    if "/" in line:
        owner, _, line = line.strip("/").partition("/")
    line = line.removeprefix("val_")
    if line in _NOTHING:
        return ""
    if shared := _SHARED.fullmatch(line):
        return f"pxi_trig{shared[1]}"
    if own := _OWN.fullmatch(line):
        line = f"pfi{int(own[1])}"
    return f"{owner}/{line}"


def is_terminal(line: str) -> bool:
    """Return whether it is a line of an instrument that a bench file may wire to a net."""
    return line == "external" or bool(_OWN.fullmatch(line))
