"""A measurement plug-in whose parameters say how it behaves."""
