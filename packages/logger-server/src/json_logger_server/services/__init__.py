"""The logger's gRPC services."""
