"""Share sessions to any resource between processes over gRPC."""
