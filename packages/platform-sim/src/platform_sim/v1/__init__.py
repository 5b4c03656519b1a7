"""The services that only platform-sim has, and their generated stubs."""
