"""NI-DCPower: source-measure units, power supplies and electronic loads."""
