"""Run the command `device-sim`."""

from device_sim.cli import main

main()
