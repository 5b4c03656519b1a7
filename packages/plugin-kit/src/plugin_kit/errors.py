"""Define the root of all errors, and the errors that the caller of a plug-in gets."""

from __future__ import annotations


class PluginError(Exception):
    """Root of all errors that this package raises."""


class PluginCallError(PluginError):
    """A plug-in could not be called, or ended the call with an error. Its caller gets it."""


class ParameterError(PluginCallError):
    """A value does not fit a parameter of the plug-in, or the plug-in has no such parameter."""


class PlatformError(PluginCallError):
    """Discovery, pin map or session management refused a request."""


class PlatformUnavailableError(PlatformError):
    """No measurement platform answers at the address."""


class LimitsError(PluginError):
    """Limits are wrong, or do not fit the outputs of a measurement."""
