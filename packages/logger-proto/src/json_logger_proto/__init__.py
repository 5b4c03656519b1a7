"""The protocol of the JSON logger: .proto files and generated stubs."""
