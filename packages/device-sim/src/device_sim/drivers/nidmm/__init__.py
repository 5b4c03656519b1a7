"""NI-DMM: digital multimeters."""

INTERFACE = "nidmm_grpc.NiDmm"
PACKAGE = "nidmm"
EXTRA = "dmm"
