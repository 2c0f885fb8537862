import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from rankkit.errors import ConfigError, DiskError
from rankkit.files.occupied import alone_at_work_in
from tests import forked

HOLD = """
import sys
from pathlib import Path
from rankkit.files.occupied import alone_at_work_in
with alone_at_work_in(Path(sys.argv[1]), "Wait."):
    print("in", flush=True)
    sys.stdin.read()
"""


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def enter(folder):
    with alone_at_work_in(folder, "Choose another."):
        return "in"


@pytest.fixture
def holder(tmp_path):
    """A process at work in tmp_path / "run"."""
    words = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


def test_another_process_is_refused_until_the_first_is_gone_however_it_ends(holder, tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(
        ConfigError, match=r"run: expected no other process at work in it; there is one. Choose another"
    ):
        enter(folder)
    assert names_in(folder) == [".lock"]
    holder.kill()
    holder.wait()
    assert enter(folder) == "in"
    assert names_in(folder) == []


def test_another_thread_is_refused_and_the_same_may_enter_again(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "run")
    with ThreadPoolExecutor(1) as other, alone_at_work_in(tmp_path / "run", "Wait."):
        assert enter(link) == "in"
        with pytest.raises(ConfigError, match="there is one"):
            other.submit(enter, link).result()
    assert enter(tmp_path / "run") == "in"
    assert not (tmp_path / "run").exists()


def test_a_folder_with_something_in_it_stays(tmp_path):
    with alone_at_work_in(tmp_path / "run", "Wait."):
        (tmp_path / "run" / "model.json").write_text("{}")
    assert names_in(tmp_path / "run") == ["model.json"]


def test_a_lock_that_is_removed_meanwhile_is_asked_for_again(tmp_path, monkeypatch):
    import rankkit.files.occupied

    is_at, asked = rankkit.files.occupied._is_at, []
    monkeypatch.setattr(
        rankkit.files.occupied, "_is_at", lambda *args: len(asked.append(0) or asked) > 1 and is_at(*args)
    )
    assert enter(tmp_path) == "in"
    assert len(asked) == 2


def test_folders_that_were_made_for_nothing_go(tmp_path):
    (tmp_path / "old").mkdir()
    enter(tmp_path / "old" / "new" / "run")
    assert names_in(tmp_path / "old") == []
    with alone_at_work_in(tmp_path / "old" / "new" / "run", "Wait."):
        (tmp_path / "old" / "new" / "kept").write_text("")
    assert names_in(tmp_path / "old" / "new") == ["kept"]


@pytest.mark.parametrize("place", ["file/run", "x" * 300])
def test_where_no_folder_can_be_made_it_says_so(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"expected to write it; got a (file where|name that)"):
        enter(tmp_path / place)


def test_of_two_trainings_into_one_folder_one_is_refused_before_it_reads_data(holder, tmp_path):
    (tmp_path / "train.txt").write_text("nothing that can be read\n")
    words = ["train", "--train", str(tmp_path / "train.txt"), "--out", str(tmp_path / "run")]
    done = forked.python("-m", "rankkit", *words)
    assert done.returncode == 2
    assert "run: expected no other process at work in it; there is one. Wait for it, or choose another" in done.stderr
    assert names_in(tmp_path / "run") == [".lock"]
