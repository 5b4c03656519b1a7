"""The client half: it needs nothing of the server half."""
