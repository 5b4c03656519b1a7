"""A log as a page to look at."""
