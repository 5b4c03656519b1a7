"""The base on which a driver is one folder: sessions, channels, attributes and common calls."""
