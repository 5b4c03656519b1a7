"""NI-Digital Pattern: digital pattern instruments."""
