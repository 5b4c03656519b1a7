"""Decide who may see the console and who may change something."""
