"""Find what runs on the station, and follow it."""
