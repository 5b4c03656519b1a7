"""An open stand-in for the NI measurement platform, for tests on any machine.

`Platform` runs discovery, pin map, session management and the simulated instruments for the length
of a with statement. In pytest the fixtures of `platform_sim.testing` do that.

PYTEST_DONT_REWRITE: the hook imports this package before pytest can rewrite its assertions, and
without this marker pytest warns about it in every project of the environment.
"""

# The hook imports this package at the start of every Python process of an environment. So each name
# is loaded at its first use, and this module imports only modules that Python has loaded already.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from platform_sim.errors import (
        AlreadyKnownError,
        AmbiguousRequestError,
        InvalidRequestError,
        LimitReachedError,
        NotAvailableError,
        NotKnownError,
        OtherUserError,
        PinMapSyntaxError,
        PlatformNotFoundError,
        PlatformSimError,
        PluginStartError,
        ServiceConfigError,
        StateFileError,
        UntrustedFileError,
    )
    from platform_sim.platform import Platform, PlatformOptions

__all__ = [
    "AlreadyKnownError",
    "AmbiguousRequestError",
    "InvalidRequestError",
    "LimitReachedError",
    "NotAvailableError",
    "NotKnownError",
    "OtherUserError",
    "PinMapSyntaxError",
    "Platform",
    "PlatformNotFoundError",
    "PlatformOptions",
    "PlatformSimError",
    "PluginStartError",
    "ServiceConfigError",
    "StateFileError",
    "UntrustedFileError",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # a type checker must report names that do not exist

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        home = "errors" if name.endswith("Error") else "platform"
        return getattr(importlib.import_module(f"{__name__}.{home}"), name)
