"""An open stand-in for the NI measurement platform, for tests on any machine.

PYTEST_DONT_REWRITE: the hook imports this package before pytest can rewrite its assertions, and
without this word pytest warns of it in every project of the environment.
"""
