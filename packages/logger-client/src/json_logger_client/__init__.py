"""Log measurements into a file that several measurement plug-ins share."""
