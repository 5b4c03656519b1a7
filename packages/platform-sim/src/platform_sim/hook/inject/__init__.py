"""Modules that run in environments without this package. They use the standard library only."""
