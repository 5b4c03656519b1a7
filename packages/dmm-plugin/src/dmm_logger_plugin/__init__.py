"""Measurement plug-in: measure with a DMM pin and log the result."""
