"""`python -m json_logger_server` is the command `json-logger`."""

from json_logger_server.cli import main

main(prog_name="json-logger")
