"""NI-DCPower: source-measure units, power supplies and electronic loads."""

INTERFACE = "nidcpower_grpc.NiDCPower"
PACKAGE = "nidcpower"
EXTRA = "dcpower"
