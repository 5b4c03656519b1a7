"""NI-DMM: digital multimeters."""

INTERFACE = "nidmm_grpc.NiDmm"
EXTRA = "dmm"
