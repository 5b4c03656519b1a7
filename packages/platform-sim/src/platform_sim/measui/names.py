"""XML namespaces of .measui files, and the ids in them."""

from __future__ import annotations

import hashlib
from typing import Any

CORE = "http://www.ni.com/ConfigurationBasedSoftware.Core"
SCREEN = "http://www.ni.com/InstrumentFramework/ScreenDocument"
PANEL = "http://www.ni.com/PanelCommon"
PLATFORM = "http://www.ni.com/PlatformFramework"
LABVIEW = "http://www.ni.com/Controls.LabVIEW.Design"


def default_namespace(uri: str) -> Any:
    """Return the namespace map by which an element and its children need no prefix."""
    return {None: uri}


def element_id(*parts: str) -> str:
    """Return an id of 32 hex digits. The same parts always give the same id."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def client_id(service_class: str) -> str:
    """Return the GUID, with braces, at the start of a panel's bindings."""
    digits = element_id(service_class, "client")
    groups = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return f"{{{'-'.join(groups)}}}"


def channel(service_class: str, name: str, *, is_output: bool) -> str:
    """Return the binding of a control to a parameter or output."""
    side = "Output" if is_output else "Configuration"
    return f"[string]{client_id(service_class)}/{side}/{name}"
