"""Run the command as `python -m platform_sim.cli`."""

from platform_sim.cli.main import main

if __name__ == "__main__":
    main(prog_name="platform-sim")
