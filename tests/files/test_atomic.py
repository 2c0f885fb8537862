"""Files and folders that are there whole or not at all."""

import os
import re
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rankkit.files import atomic
from rankkit.files.atomic import alone_in, beside, put_folder, replacing, sweep, write_bytes, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_written_with_its_folder_and_replaced(tmp_path):
    path = tmp_path / "new" / "folder" / "file.txt"
    write_text(path, "one\n")
    write_text(str(path), "zwei: ü\r\n")
    assert path.read_bytes() == "zwei: ü\r\n".encode()
    assert names(path.parent) == ["file.txt"]


def write_half(path, error):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_fails_leaves_the_old_file_and_no_other(error, tmp_path):
    write_text(tmp_path / "file", "old")
    with pytest.raises(error):
        write_half(tmp_path / "file", error)
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_names_differ_for_writers_of_one_process_and_tell_it(tmp_path):
    with replacing(tmp_path / "a.json") as one, replacing(tmp_path / "a.json") as two:
        one.write_text("1")
        two.write_text("2")
        assert one != two
        for name in names(tmp_path):
            assert re.fullmatch(rf"\.a\.json\.{os.getpid()}-[0-9a-f]{{24}}\.partial", name)
    assert (tmp_path / "a.json").read_text() == "1", "the outer one is put in place last"


def test_threads_that_write_one_file(tmp_path):
    contents = [str(number) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=write_text, args=(tmp_path / "file", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file").read_text() in contents
    assert names(tmp_path) == ["file"]


def test_a_name_as_long_as_the_file_system_allows(tmp_path):
    write_text(tmp_path / ("ü" * 127), "long")
    assert names(tmp_path) == ["ü" * 127]


def test_a_link_stays_and_its_file_is_replaced(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "latest").symlink_to(tmp_path / "runs" / "1.json")
    write_text(tmp_path / "latest", "new")
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "runs" / "1.json").read_text() == "new"


def test_the_permissions_of_a_file_stay(tmp_path):
    write_text(tmp_path / "file", "secret")
    (tmp_path / "file").chmod(0o600)
    write_text(tmp_path / "file", "new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_fifo_gets_the_bytes_and_stays(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE)
    write_bytes(tmp_path / "pipe", b"through the pipe")
    assert reader.communicate(timeout=20)[0] == b"through the pipe"
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["pipe"]


WRITER = """
import sys
from rankkit.files.atomic import write_text
print("before")
write_text(sys.argv[1], "the file\\n")
print("after")
"""


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_standard_output_gets_the_bytes_in_their_turn(name, tmp_path):
    with (tmp_path / "out").open("w") as out:
        out.write("first\n")
        out.flush()
        subprocess.run([sys.executable, "-c", WRITER, name], stdout=out, check=True, cwd=Path(__file__).parents[2])
    assert (tmp_path / "out").read_text() == "first\nbefore\nthe file\nafter\n"


def gone():
    """The number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def left_by(path, pid, machine=None, start=None, kind="partial"):
    start = atomic._start_of(pid) if start is None else start
    return path.with_name(f".{path.name}.{pid}-{machine or atomic._machine()}{start or '1' * 8}01234567.{kind}")


def test_the_next_writer_removes_what_killed_ones_left(tmp_path):
    place = tmp_path / "file"
    left_by(place, gone()).write_text("half")
    left_by(place, os.getpid()).write_text("of one with the number of this process, in its time")
    left_by(place, os.getppid(), start="1" * 8).write_text("of one whose number another process has by now")
    left_by(tmp_path / "folder", gone()).mkdir()
    left_by(tmp_path / "another file", gone()).write_text("half")
    others = [left_by(place, os.getppid()), left_by(place, gone(), "0" * 8), tmp_path / ".file.partial"]
    for other in others:
        other.write_text("not for this writer to remove")
    write_text(place, "whole")
    assert names(tmp_path) == sorted(["file", *(other.name for other in others)])


def test_a_process_that_was_killed_but_not_asked_about_is_gone(tmp_path):
    process = subprocess.Popen(["sleep", "100"])
    left = left_by(tmp_path / "file", process.pid)
    left.write_text("half")
    sweep(tmp_path)
    assert names(tmp_path) == [left.name]
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    sweep(tmp_path)
    assert names(tmp_path) == []
    process.wait()


def test_a_folder_that_was_moved_aside_for_one_that_never_came_comes_back(tmp_path):
    left_by(tmp_path / "one", gone(), kind="replaced").mkdir()
    left_by(tmp_path / "two", gone(), kind="replaced").mkdir()
    (tmp_path / "two").mkdir()
    sweep(tmp_path)
    assert names(tmp_path) == ["one", "two"]


def test_a_folder_takes_the_place_of_another(tmp_path):
    place = tmp_path / "place"
    for content in ("one", "two"):
        with beside(place) as written:
            written.mkdir()
            (written / content).touch()
            put_folder(written, place)
        assert names(place) == [content]
    assert names(tmp_path) == ["place"]


def test_a_folder_takes_the_place_of_another_where_names_cannot_be_exchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic, "_exchanged", lambda one, other: False)
    test_a_folder_takes_the_place_of_another(tmp_path)
    place, written = tmp_path / "place", tmp_path / "missing"
    with pytest.raises(FileNotFoundError):
        put_folder(written, place)
    assert names(place) == ["two"]


def test_one_at_a_time_in_a_folder(tmp_path):
    inside, most = [], []

    def work():
        with alone_in(tmp_path):
            inside.append(1)
            most.append(len(inside))
            threading.Event().wait(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


SOURCES = sorted((Path(__file__).parents[2] / "rankkit").rglob("*.py"))


def test_no_other_module_makes_up_temporary_names():
    # A cache brings its arrays into order under a name of its own, inside a folder that this module names.
    signs = re.compile(r"\.partial\b[\"']|mkstemp|mkdtemp|temporary\.replace")
    found = {path.name for path in SOURCES if signs.search(path.read_text())}
    assert found == {"atomic.py", "cache_rows.py"}
