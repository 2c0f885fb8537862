"""``rankkit`` and ``python -m rankkit``: run a command, turn rankkit's errors into one message and exit code 2.

The other codes stand in :mod:`rankkit.stopping`.
"""

import sys

from rankkit.errors import RankkitError


def main() -> None:
    """Run the command line."""
    from rankkit.stopping import exit_code, stopped_by_signals

    try:
        with stopped_by_signals():
            from rankkit.cli.app import app

            app()
    except KeyboardInterrupt:  # of a signal that came when the command had just ended
        sys.exit(exit_code())
    except RankkitError as error:
        sys.stderr.write(f"rankkit: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
