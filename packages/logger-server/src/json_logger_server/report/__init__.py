"""Make a report of a log: an HTML page, or tables for programs."""
