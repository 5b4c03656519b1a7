"""NI-SWITCH: matrices, multiplexers and relays."""
