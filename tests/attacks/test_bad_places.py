"""Places where nothing can be written are refused at once by every command, in one message, before it reads data."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rankkit.__main__ import main
from tests.attacks.commands import COMMANDS

PLACES = {
    "below a file": ("{out}/file/{name}", "got a file where a folder has to be"),
    "deep below a file": ("{out}/file/and/{name}", "got a file where a folder has to be"),
    "a long name": ("{out}/" + "n" * 260 + "{ending}", "got a name that is too long"),
    "a long path": ("{out}/" + "/".join(["n" * 200] * 30) + "{ending}", "got a name that is too long"),
    "a link that leads nowhere": ("{out}/link/{name}", "got a folder that is not there, or a link that leads nowhere"),
    "the other kind": ("{out}/{other}/{name}", "got a "),
}


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Names of data and models, none of which can be read: a command that does is found out."""
    folder = tmp_path_factory.mktemp("material")
    for name in ("train.parquet", "test.parquet", "few.npz", "train.txt", "vali.parquet", "apart.txt"):
        (folder / name).write_text("no data")
    (folder / "log").mkdir()
    (folder / "log" / "log.json").write_text("no data")  # what it is, is told by its name
    return folder


def prepared(command, place, out):
    """The words of a command that is told to write to a place; makes what stands in its way."""
    (out / "file").write_text("")
    (out / "link").symlink_to(out / "nowhere")
    name = command.place.removeprefix("{out}/")
    there = out / "other" / name
    if "{other}" in place:
        if command.kind == "file":
            there.mkdir(parents=True)
        else:
            there.parent.mkdir()
            there.write_text("")
    ending = "".join(Path(name).suffixes)
    asked = place.format(out=out, name=name, ending=ending, other="other")
    words = [word.replace(command.place, asked) for word in shlex.split(command.words)]
    return [word.replace("{out}", str(out)) for word in words]


def names_below(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# Every command is asked for some places, those that are quick for all.
SOME = ("below a file", "the other kind")
ASKED = [(command, place) for command in COMMANDS for place in PLACES if command.is_quick or place in SOME]


@pytest.mark.parametrize(("command", "place"), ASKED, ids=lambda value: getattr(value, "name", value))
def test_a_place_is_refused_before_anything_is_read(command, place, material, tmp_path, monkeypatch, capsys):
    if place == "the other kind" and command.name.startswith("export") and command.kind == "file":
        pytest.skip("into a folder it writes a file of its own naming")
    asked, message = PLACES[place]
    words = [word.replace("{m}", str(material)) for word in prepared(command, asked, tmp_path)]
    before = names_below(tmp_path)
    monkeypatch.setattr(sys, "argv", ["rankkit", *words])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    assert end.value.code == 2
    assert said.err.count("\n") == 1
    assert f"expected to write it; {message}" in said.err
    assert not said.out
    assert names_below(tmp_path) == before


AS_ANOTHER = """
import os, sys
from rankkit.errors import DiskError
from rankkit.files.places import check_place
os.chmod(sys.argv[1], 0o555)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for name in ("a.html", "new/folder/a.html"):
    try:
        check_place(f"{sys.argv[1]}/{name}")
    except DiskError as error:
        print(error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="becomes another user")
def test_a_folder_in_which_one_may_not_write_is_refused():
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is below a folder that others may not enter
        words = [sys.executable, "-c", AS_ANOTHER, folder]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        Path(folder).chmod(0o755)
    first, second = done.stdout.splitlines()
    assert first == f"{folder}/a.html: expected to write it; got no permission to write there. Name another place."
    assert second.startswith(f"{folder}/new/folder/a.html: expected to write it; got no permission")
