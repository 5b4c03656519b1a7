"""A measurement plug-in that does as it is told."""
