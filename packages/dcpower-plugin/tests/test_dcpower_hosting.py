from __future__ import annotations

from dcpower_under_test import PLUGIN
from hosting_promises import HostingPromises


class TestHosting(HostingPromises):
    plugin = PLUGIN
