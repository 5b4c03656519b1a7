"""Log files on disk: found, opened, locked, checked, written; no gRPC and no event loop."""
