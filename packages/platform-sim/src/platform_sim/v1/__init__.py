"""The services that platform-sim has beside NI's own, and their generated stubs."""
