"""Find, open, lock, check, read and write log files on disk, without gRPC and event loop."""
