"""Show and change the simulated bench over device_sim.v1.Bench."""
