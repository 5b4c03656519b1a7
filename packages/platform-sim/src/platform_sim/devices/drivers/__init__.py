"""The simulated drivers, one folder each."""
