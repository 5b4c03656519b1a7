"""NI-DMM: digital multimeters."""
