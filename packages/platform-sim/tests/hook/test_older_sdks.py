"""Plug-ins and clients of NI's older SDKs find the platform, each in a separate environment."""

from __future__ import annotations

import pytest
from capabilities import needs_hook
from environments import Environment
from plugin_folders import write_script_plugin

# pip fetches an SDK and its gRPC from the index, which is most of the time.
pytestmark = pytest.mark.timeout(600)

PLUGIN = """
    import inspect
    from pathlib import Path

    try:
        import ni_measurement_plugin_sdk_service as nims
    except ImportError:
        import ni_measurementlink_service as nims

    # Version 1 asks for what later ones read from the .serviceconfig file.
    asked = inspect.signature(nims.MeasurementService).parameters
    version = {} if asked["version"].default == "" else {"version": "1.0.0"}
    config = Path(__file__).with_name("plugin.serviceconfig")
    service = nims.MeasurementService(service_config_path=config, ui_file_paths=[], **version)

    @service.register_measurement
    @service.configuration("value", nims.DataType.Double, 2.0)
    @service.output("doubled", nims.DataType.Double)
    @service.output("instrument", nims.DataType.String)
    def measure(value):
        if not hasattr(service.context, "reserve_session"):  # came with version 1.1
            return value * 2, "DMM1"
        with service.context.reserve_session("Out") as reservation:
            return value * 2, reservation.session_info.resource_name

    with service.host_service():
        input()
"""
CLIENT = """
    try:
        from ni_measurement_plugin_sdk_service.discovery import DiscoveryClient
    except ImportError:
        try:
            from ni_measurementlink_service.discovery import DiscoveryClient
        except ImportError:
            from ni_measurementlink_service._internal.discovery_client import DiscoveryClient
    interface = "ni.measurementlink.pinmap.v1.PinMapService"
    print(DiscoveryClient().resolve_service(interface).insecure_port)
"""
PIN_MAP = """
<PinMap schemaVersion="1.6">
  <Instruments><NIDmmInstrument name="DMM1" /></Instruments>
  <Pins><DUTPin name="Out" /></Pins>
  <Sites><Site siteNumber="0" /></Sites>
  <Connections><Connection pin="Out" siteNumber="0" instrument="DMM1" channel="0" /></Connections>
</PinMap>
"""
V1 = ["ni.measurementlink.measurement.v1.MeasurementService"]


@pytest.fixture(
    scope="module",
    params=[
        "ni-measurement-plugin-sdk-service<3",
        pytest.param("ni-measurementlink-service<2", marks=pytest.mark.soak),
        pytest.param("ni-measurementlink-service==1.0.1", marks=pytest.mark.soak),
    ],
)
def sdk(request, tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("sdk") / ".venv", request.param)


@needs_hook
def test_a_plugin_of_an_older_sdk_measures(ni_platform, sdk, tmp_path):
    file = write_script_plugin(tmp_path / "old", "old.Sdk", PLUGIN, providedInterfaces=V1)
    (file.parent / "start.bat").write_text(".venv\\Scripts\\python.exe measurement.py\r\n")
    (file.parent / ".venv").symlink_to(sdk.folder)
    ni_platform.add_plugins(tmp_path)
    (result,) = ni_platform.plugin("old.Sdk").stream(
        {"value": 21.0}, pin_map_id=ni_platform.load_pin_map(PIN_MAP)
    )
    assert result == {"doubled": 42.0, "instrument": "DMM1"}


@needs_hook
def test_a_client_of_an_older_sdk_finds_the_platform(ni_platform, sdk, tmp_path):
    script = tmp_path / "client.py"
    script.write_text("\n".join(line[4:] for line in CLIENT.splitlines()))
    done = sdk.run(script, extra=ni_platform.environment())
    assert done.stdout.strip() == ni_platform.discovery_address.rpartition(":")[2], done.stderr
