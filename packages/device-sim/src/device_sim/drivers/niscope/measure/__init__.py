"""Measurements on waveforms: scalars, arrays and their statistics."""
