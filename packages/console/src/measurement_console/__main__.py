"""Run the command as `python -m measurement_console`."""

from measurement_console.cli import main

main(prog_name="measurement-console")
