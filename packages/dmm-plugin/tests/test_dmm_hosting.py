from __future__ import annotations

from dmm_under_test import PLUGIN
from hosting_promises import HostingPromises


class TestHosting(HostingPromises):
    plugin = PLUGIN
