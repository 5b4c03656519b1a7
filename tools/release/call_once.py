"""Try the installed client of plug-ins, without NI's SDK and without a plug-in."""

import socket
import sys
from importlib.metadata import version
from importlib.util import find_spec

from plugin_kit.calling import MeasurementPlugin, Parameter, PlatformUnavailableError, check_value

if find_spec("ni_measurement_plugin_sdk_service"):
    sys.exit("NI's SDK was installed, but only the extra [host] needs it")
with socket.socket() as bound:  # it does not listen
    bound.bind(("127.0.0.1", 0))
    try:
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        MeasurementPlugin.resolve("example.Nobody", discovery_address=address)
    except PlatformUnavailableError:
        check_value(Parameter("count", field_number=1, type=5), 12)
    else:
        sys.exit("a platform answered at an address where no process listens")
versions = ", ".join(f"{name} {version(name)}" for name in ("protobuf", "grpcio"))
print(f"Python {sys.version.split()[0]}, {versions}: plug-ins can be called")  # noqa: T201
