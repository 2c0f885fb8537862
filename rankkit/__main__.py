"""``rankkit`` and ``python -m rankkit``: run a command, turn rankkit's errors into one message and exit code 2.

The other codes stand in :mod:`rankkit.stopping`.
"""

import contextlib
import errno
import os
import sys

from rankkit.errors import DiskError, RankkitError

NOBODY_READS = 141
"""The exit code where the reader of what is printed has gone, as a shell has it of a program ended by SIGPIPE."""

SHORT_WAIT = {"GOMP_SPINCOUNT": "5000"}
"""The environment in which threads of OpenMP soon sleep where they wait for each other: some tenths of a millisecond.

By itself GNU's OpenMP, which torch brings along on Linux, lets them turn for sixty times as long. Beside another
busy process that keeps the thread that is waited for from the processor: trainings took up to ten times as long.
"""

_OF_WAITING = ("OMP_WAIT_POLICY", "KMP_BLOCKTIME", *SHORT_WAIT)
_OF_OUTPUT = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE, errno.EBADF, errno.EAGAIN)


def main() -> None:
    """Run the command line."""
    # Where one was closed before, words go nowhere, and no file of data gets its number.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    if not any(name in os.environ for name in _OF_WAITING):
        os.environ.update(SHORT_WAIT)  # before anything is loaded that has threads
    try:
        try:
            _run()
        finally:
            _flush()
    except DiskError as error:
        if error.errno == errno.EPIPE and not error.is_told:  # as head does to what stands before it
            sys.exit(NOBODY_READS)
        _refuse(error)
    except RankkitError as error:
        _refuse(error)


def _run() -> None:
    from rankkit.stopping import exit_code, stopped_by_signals

    try:
        with stopped_by_signals():
            from rankkit.cli.app import app

            app()
    except SystemExit as end:
        gone = end.__context__
        if isinstance(gone, OSError) and gone.errno == errno.EPIPE:  # typer has caught it
            _stop_printing()
            raise (gone if isinstance(gone, DiskError) else _of_output(gone)) from None
        raise
    except KeyboardInterrupt:  # of a signal that came when the command had just ended
        sys.exit(exit_code())
    except RankkitError:
        raise
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_OUTPUT:
            raise
        _stop_printing()
        raise _of_output(error) from error


def _flush() -> None:
    """Print what is still to be printed, here and not while Python ends, which would add words of its own.

    Raises:
        DiskError: If that cannot be.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            _stop_printing()
            raise _of_output(error) from error


def _of_output(error: OSError) -> DiskError:
    from rankkit.files.disk import OUTPUT, disk_error

    return disk_error(OUTPUT, error.errno or errno.EIO)


def _stop_printing() -> None:
    """Send what is still to be printed nowhere, if it cannot be printed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with contextlib.suppress(OSError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), stream.fileno())


def _refuse(error: RankkitError) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"rankkit: {error}\n")
        sys.stderr.flush()
    sys.exit(2)


if __name__ == "__main__":
    main()
