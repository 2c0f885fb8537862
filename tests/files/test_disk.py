"""One error for what cannot be written, whatever a library makes of it."""

import errno
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from rankkit.errors import DataError, DiskError
from rankkit.files import disk
from rankkit.files.disk import disk_error, keeping, writing
from tests.file_limits import small_files


def save_with_torch(file):
    torch.save(torch.zeros(10_000), file)  # its error is of a position


def save_with_numpy(file):
    np.save(file, np.zeros(10_000))  # its error has no number


@pytest.mark.parametrize("save", [save_with_torch, save_with_numpy])
def test_what_a_library_hides_is_found(tmp_path, save):
    path = tmp_path / "hidden"
    message = r"a\.pt: expected to write it; got a limit on the size of files, with .* free"
    with pytest.raises(DiskError, match=message), small_files(5_000), writing("a.pt", at=path), path.open("wb") as file:
        save(file)


def fails_with(error):
    with writing("a"):
        raise error


def test_what_is_not_of_the_disk_passes(tmp_path):
    for error in (ValueError("x"), DataError("x"), OSError("x"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised:
            fails_with(error)
        assert raised.value is error


def test_a_disk_that_takes_more_is_not_blamed(tmp_path):
    with pytest.raises(RuntimeError), writing("a", at=tmp_path):
        raise RuntimeError("of something else")


@pytest.mark.parametrize("code", disk._REASONS)
def test_every_reason_is_told_and_is_an_oserror(code, tmp_path):
    with pytest.raises(DiskError, match=r"^a: expected to write it; got (a|an|no|something) .*\. \S.*\.$") as raised:
        fails_with(OSError(code, "of the system"))
    assert isinstance(raised.value, OSError)
    assert raised.value.errno == code
    assert (" free in " in str(raised.value)) == (code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_the_innermost_that_knows_says_what_is_safe():
    inner = keeping(lambda: "The first is.", "Go on.")
    with pytest.raises(DiskError) as raised, keeping("Nothing is.", "Begin anew."), inner:
        raise disk_error("a", errno.EROFS, "The old one is.")
    assert str(raised.value) == "a: expected to write it; got a disk that can only be read. The first is. Go on."


COMMAND = [sys.executable, "-m", "rankkit", "objectives"]


@pytest.mark.skipif(sys.platform != "linux", reason="writes to /dev/full")
def test_words_that_cannot_be_printed():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(COMMAND, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        silent = subprocess.run([*COMMAND, "nothing"], stderr=full, check=False)
    assert done.stderr == (
        "rankkit: standard output: expected to write it; got a full disk. Make room, or name another place.\n"
    )
    assert done.returncode == silent.returncode == 2


def test_a_reader_that_goes_ends_a_command_without_a_word():
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0)])
def test_streams_that_are_closed_take_nothing(closed, code):
    words = " ".join(COMMAND)
    done = subprocess.run(["sh", "-c", f"{words} {closed}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
