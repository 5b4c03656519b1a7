"""The rules of session sharing, without network and gRPC; the caller passes the clock."""
