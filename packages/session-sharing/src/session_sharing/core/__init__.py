"""The pure heart of session sharing: no network, no gRPC, an injected clock."""
