"""A log file that many measurement plug-ins write to at once."""
