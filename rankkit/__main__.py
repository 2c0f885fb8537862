"""``rankkit`` and ``python -m rankkit``: run a command, turn rankkit's errors into one message and exit code 2.

The other codes stand in :mod:`rankkit.stopping`.
"""

import sys
import warnings

from rankkit.errors import CompilationWarning, DataWarning, RankkitError

_FORMAT_OF_OTHERS = warnings.formatwarning


def main() -> None:
    """Run the command line."""
    from rankkit.stopping import stopped_by_signals

    warnings.formatwarning = _format_warning
    try:
        with stopped_by_signals():
            from rankkit.cli.app import app

            app()
    except RankkitError as error:
        sys.stderr.write(f"rankkit: {error}\n")
        sys.exit(2)


def _format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """What rankkit says as one line, without the line of code that said it, which is no line of the user."""
    if issubclass(category, DataWarning | CompilationWarning):
        return f"rankkit: {message}\n"
    return _FORMAT_OF_OTHERS(message, category, filename, lineno, line)


if __name__ == "__main__":
    main()
