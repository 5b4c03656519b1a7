"""Run the command `json-logger` as `python -m json_logger_server`."""

from json_logger_server.cli import main

main(prog_name="json-logger")
