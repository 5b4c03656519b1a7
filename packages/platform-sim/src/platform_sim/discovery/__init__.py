"""NI's discovery service: a registry of running services that starts installed ones on demand."""
