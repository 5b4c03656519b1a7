"""Modules that must run in environments without this package: standard library only."""
