"""NI's pin map service: the pins of each site and the instrument channels that they connect to."""
