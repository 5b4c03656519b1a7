"""The service platform_sim.v1.Sequences: sequences that other programs list, start and watch.

Each run is a process of its own (`run_child`), which sends its events to the platform.
"""
