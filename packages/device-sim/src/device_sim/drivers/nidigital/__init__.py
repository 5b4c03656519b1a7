"""NI-Digital: digital pattern instruments."""
