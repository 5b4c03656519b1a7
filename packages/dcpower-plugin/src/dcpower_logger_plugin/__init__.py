"""Measurement plug-in: source and measure DC voltage on SMU pins and log the result."""
