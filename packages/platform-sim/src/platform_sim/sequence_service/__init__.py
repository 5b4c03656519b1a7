"""The service platform_sim.v1.Sequences: other programs list, start and watch sequences.

Each run has its own process (`run_child`), which sends its events to the platform.
"""
