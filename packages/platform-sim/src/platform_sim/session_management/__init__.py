"""NI's session management service: who may use which driver session now, and which are open."""
