"""Show a test station in a browser: what runs, who holds what, and the records.

The command is `measurement-console`.
"""

from measurement_console.errors import ConsoleError, OptionsError, RunningConsoleError
from measurement_console.options import ConsoleOptions

__all__ = ["ConsoleError", "ConsoleOptions", "OptionsError", "RunningConsoleError"]
