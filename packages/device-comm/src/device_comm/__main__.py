"""Run the command `device-comm` as `python -m device_comm`."""

from device_comm.cli import main

main(prog_name="device-comm")
