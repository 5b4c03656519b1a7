"""The measurement console."""
