"""Protocol of the JSON logger: .proto files and generated stubs."""
