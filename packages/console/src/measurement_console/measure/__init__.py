"""Measure from a form: its fields, the calls to copy, the outputs to show, and the runs."""
