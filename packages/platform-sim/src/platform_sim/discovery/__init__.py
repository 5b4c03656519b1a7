"""NI's discovery service: a registry of running services. It starts installed ones on demand."""
