"""Run a plug-in that finds the test's discovery: ``run_plugin.py DISCOVERY MODULE ARGUMENT…``.

The SDK finds discovery in the Windows registry, and has no option for another address.
"""

from __future__ import annotations

import runpy
import sys

from ni.measurementlink.discovery.v1.client import _client

_, address, module, *arguments = sys.argv
_client._get_discovery_service_address = lambda: address
sys.argv = [module, *arguments]
runpy.run_module(module, run_name="__main__", alter_sys=True)
