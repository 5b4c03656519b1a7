"""Generated stubs of the json_logger_ext.v1 protocol."""
