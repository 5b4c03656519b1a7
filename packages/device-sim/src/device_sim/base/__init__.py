"""The base of every driver folder: sessions, channels, attributes and common calls."""
