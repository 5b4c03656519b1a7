"""Returns its configuration: every type that the SDK has."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

import ni_measurement_plugin_sdk_service as nims
from ni.protobuf.types.array_pb2 import Double2DArray, String2DArray
from ni.protobuf.types.xydata_pb2 import DoubleXYData

service = nims.MeasurementService(
    service_config_path=Path(__file__).with_name("echo.serviceconfig"),
    ui_file_paths=[Path(__file__).with_name("echo.measui")],
)


class Color(Enum):
    """An enum whose zero value is not its first member."""

    RED = 2
    NONE = 0
    BLUE = 7


T = nims.DataType
CONFIGURATION = [
    ("i32", T.Int32, -3, {}),
    ("i64", T.Int64, -(2**40), {}),
    ("u32", T.UInt32, 2**32 - 1, {}),
    ("u64", T.UInt64, 2**63, {}),
    ("single", T.Float, 0.1, {}),
    ("double", T.Double, 0.1, {}),
    ("flag", T.Boolean, True, {}),
    ("text", T.String, "hällo", {}),
    ("path", T.Path, "/tmp/x", {}),
    ("resource", T.IOResource, "Pin1", {"instrument_type": "niDMM"}),
    ("color", T.Enum, Color.BLUE, {"enum_type": Color}),
    ("idle", T.Enum, Color.NONE, {"enum_type": Color}),
    ("i32s", T.Int32Array1D, [1, -2], {}),
    ("u64s", T.UInt64Array1D, [2**63, 0], {}),
    ("singles", T.FloatArray1D, [0.1, -2.5], {}),
    ("doubles", T.DoubleArray1D, [0.25, -1.5], {}),
    ("flags", T.BooleanArray1D, [True, False], {}),
    ("texts", T.StringArray1D, ["a", "b,c"], {}),
    ("paths", T.PathArray1D, ["/a", "/b"], {}),
    ("resources", T.IOResourceArray1D, ["Pin1", "Pin2"], {"instrument_type": "niDMM"}),
    ("colors", T.EnumArray1D, [Color.NONE, Color.RED], {"enum_type": Color}),
]


def measure(
    i32, i64, u32, u64, single, double, flag, text, path, resource, color, idle,
    i32s, u64s, singles, doubles, flags, texts, paths, resources, colors,
):  # fmt: skip
    xy = DoubleXYData(x_data=[0.0, 1.0], y_data=doubles)
    grid = Double2DArray(rows=2, columns=3, data=[1, 2, 3, 4, 5, 6])
    words = String2DArray(rows=1, columns=2, data=["a", "b"])
    echoed = (
        i32, i64, u32, u64, single, double, flag, text, path, resource, color, idle,
        i32s, u64s, singles, doubles, flags, texts, paths, resources, colors,
    )  # fmt: skip
    return (*echoed, xy, [xy, xy], grid, words, None)


OUTPUTS = [
    ("XY Data", T.DoubleXYData),
    ("XY List", T.DoubleXYDataArray1D),
    ("Grid", T.Double2DArray),
    ("Words", T.String2DArray),
    ("Nothing", T.DoubleXYData),
]

for name, kind, default, more in CONFIGURATION:
    service.configuration(name, kind, default, **more)(measure)
    service.output(name, kind, **{k: v for k, v in more.items() if k == "enum_type"})(measure)
for name, kind in OUTPUTS:
    service.output(name, kind)(measure)
service.register_measurement(measure)


if __name__ == "__main__":
    with service.host_service():
        input("Press enter to close the measurement service.\n")
