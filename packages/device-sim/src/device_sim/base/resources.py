"""Read the resource name of a client that opens a session.

`driver.toml` gives each call that opens a session one of the styles here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from device_sim.base.channels import (
    ChannelId,
    ChannelList,
    expand_numbers,
    parse_resource,
    tokens,
)
from device_sim.base.options import Options
from device_sim.errors import DEVICE_NOT_RECOGNISED, UNKNOWN_CHANNEL, DriverError

Style = Callable[[Any, Sequence[str], Options], ChannelList]
"""Return the channels of a request, given the names of the model's channels."""


def first_device(resource: str) -> str:
    """Return the first instrument of a resource name."""
    return "".join(resource.split()).split(",")[0].split("/")[0]


def _device(request: Any, names: Sequence[str], options: Options) -> ChannelList:
    """One instrument. Any text is its name."""
    device = "".join(request.resource_name.split())
    return ChannelList([ChannelId(device, name) for name in names], qualified=False)


def _devices(request: Any, names: Sequence[str], options: Options) -> ChannelList:
    """Instruments without channels. With several, names contain their instrument."""
    channels = parse_resource(request.resource_name, names) or [ChannelId("", n) for n in names]
    return ChannelList(channels, qualified=len({channel.device for channel in channels}) > 1)


def _independent(request: Any, names: Sequence[str], options: Options) -> ChannelList:
    """Instruments, or some of their channels. All names contain their instrument."""
    return ChannelList(parse_resource(request.resource_name, names), qualified=True)


def _channels(request: Any, names: Sequence[str], options: Options) -> ChannelList:
    """One instrument; the request lists its channels in a field of their own, or takes all.

    With `Simulate=1` NI accepts any text as the instrument's name.
    """
    resource = request.resource_name
    if not options.simulate and set(resource) & {"/", ","}:
        raise DriverError(DEVICE_NOT_RECOGNISED, f"Invalid Identifier: {resource}")
    device = "".join(resource.split()).replace("/", "-").replace(",", "-")
    wanted = "".join(getattr(request, "channels", getattr(request, "channel_name", "")).split())
    if not device:  # allowed by some drivers
        chosen = [n for token in tokens(wanted) for n in expand_numbers(token)] or names
        if set(chosen) - set(names):
            raise DriverError(UNKNOWN_CHANNEL, f"Channel: {wanted}")
        return ChannelList([ChannelId("", name) for name in chosen], qualified=False)
    listed = ",".join(f"{device}/{c}" for c in wanted.split(",")) if wanted else device
    return ChannelList(parse_resource(listed, names), qualified=False)


STYLES: dict[str, Style] = {
    "device": _device,
    "devices": _devices,
    "independent": _independent,
    "channels": _channels,
}
"""The styles by the name that `driver.toml` uses."""
