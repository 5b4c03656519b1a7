"""A measurement plug-in that holds a lock while it measures."""
