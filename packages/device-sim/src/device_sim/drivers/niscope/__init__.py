"""NI-SCOPE: digitizers."""
