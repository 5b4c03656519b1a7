"""Watch, start and terminate sequences over platform_sim.v1.Sequences."""
