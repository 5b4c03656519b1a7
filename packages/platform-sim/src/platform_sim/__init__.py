"""An open stand-in for the NI measurement platform, for tests on any machine."""
