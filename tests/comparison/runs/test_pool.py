import sys
from pathlib import Path

import pytest

from rankkit.comparison.plan import Part, Rules, RunSpec, System
from rankkit.comparison.runs import pool
from rankkit.comparison.runs.pool import run_all
from rankkit.errors import DiskError, TrainingError
from rankkit.tasks.ranking.splits import Source

FAKE = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))


class Record:
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.events = []

    def started(self, spec, attempt):
        self.events.append(("started", spec.system.name, attempt))

    def progressed(self, spec, progress):
        self.events.append(("progressed", spec.system.name, progress["step"]))

    def finished(self, spec):
        self.events.append(("finished", spec.system.name))

    def failed(self, spec, error):
        self.events.append(("failed", spec.system.name, error))

    def tick(self):
        pass


def spec_of(name, split="s"):
    return RunSpec(System(name, external=Part("random")), split, 0, 0, {}, Source(), "map", Rules(), 1)


@pytest.mark.skipif(sys.platform == "win32", reason="workers end by a signal")
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_whose_worker_dies_is_tried_once_more_and_the_others_go_on(tmp_path, jobs):
    record = Record()
    names = ["a", "dies once", "dies", "fails", "b", "c"]
    run_all([spec_of(name) for name in names], tmp_path, jobs=jobs, threads=1, watcher=record, command=FAKE)
    ends = {event[1]: event[0] for event in record.events if event[0] in ("finished", "failed")}
    assert ends == {"a": "finished", "dies once": "finished", "dies": "failed", "fails": "failed",
                    "b": "finished", "c": "finished"}  # fmt: skip
    attempts = [event[2] for event in record.events if event[:2] == ("started", "dies")]
    assert attempts == [1, 2]
    error = next(event[2] for event in record.events if event[:2] == ("failed", "dies"))
    assert error == "the worker process ended with signal 9:\nout of memory, say, 2 times"
    assert (tmp_path / "runs" / spec_of("dies").id / "error.txt").read_text() == f"{error}\n"
    assert ("failed", "fails", "it cannot") in record.events
    assert ("progressed", "a", 1) in record.events


def test_a_full_disk_is_no_fault_of_a_run_and_ends_them_all(tmp_path):
    record = Record()
    specs = [spec_of("a"), spec_of("full disk"), spec_of("b")]
    with pytest.raises(DiskError, match=r"^runs/a: expected to write it; got a full disk\.$"):
        run_all(specs, tmp_path, jobs=1, threads=1, watcher=record, command=FAKE)
    assert [event for event in record.events if event[0] in ("finished", "failed")] == [("finished", "a")]


def test_a_worker_prefers_the_data_it_holds(tmp_path):
    record = Record()
    specs = [spec_of("a", "s"), spec_of("b", "t"), spec_of("c", "s"), spec_of("d", "t")]
    run_all(specs, tmp_path, jobs=1, threads=1, watcher=record, command=FAKE)
    assert [event[1] for event in record.events if event[0] == "started"] == ["a", "c", "b", "d"]


def test_the_runs_that_depend_on_others_go_to_the_same_workers(tmp_path):
    record = Record()
    rounds = [[spec_of("b"), spec_of("c")], [spec_of("d")], []]

    def then():
        record.events.append(("then",))
        return rounds.pop(0)

    run_all([spec_of("a")], tmp_path, jobs=1, threads=1, watcher=record, then=then, command=FAKE)
    kinds = [event[:2] for event in record.events if event[0] in ("finished", "then")]
    done = [("finished", name) for name in "abcd"]
    assert kinds == [done[0], ("then",), *done[1:3], ("then",), done[3], ("then",)]
    assert len(list((tmp_path / "logs").iterdir())) == 1


def test_workers_that_cannot_start_say_why(tmp_path):
    command = (sys.executable, "-c", "import sys; sys.exit('no such thing')")
    with pytest.raises(TrainingError, match=r"exit code 1:\nno such thing"):
        run_all([spec_of("a")], tmp_path, jobs=1, threads=1, watcher=Record(), command=command)


def test_ctrl_c_leaves_no_worker_behind(tmp_path):
    class Impatient(Record):
        def started(self, spec, attempt):
            raise KeyboardInterrupt

    before = Record()
    with pytest.raises(KeyboardInterrupt):
        run_all([spec_of("a")], tmp_path, jobs=1, threads=1, watcher=Impatient(), command=FAKE)
    run_all([spec_of("a")], tmp_path, jobs=1, threads=1, watcher=before, command=FAKE)
    assert ("finished", "a") in before.events


@pytest.mark.skipif(sys.platform == "win32", reason="workers end by a signal")
def test_each_worker_has_a_place_and_one_that_follows_a_dead_one_takes_its(tmp_path, monkeypatch):
    places, dead = [], []

    class Seated(pool.Worker):
        def __init__(self, number, place, *rest):
            places.append(place)
            super().__init__(number, place, *rest)

        def death(self):
            dead.append(self.place)
            return super().death()

    monkeypatch.setattr(pool, "Worker", Seated)
    specs = [spec_of(name) for name in ("a", "dies", "b")]
    run_all(specs, tmp_path, jobs=3, threads=1, watcher=Record(), command=FAKE)
    assert places[:3] == [(0, 3), (1, 3), (2, 3)]
    assert set(places[3:]) <= set(dead)


def test_a_worker_is_told_its_place(tmp_path):
    run_all([spec_of("a")], tmp_path, jobs=1, threads=1, watcher=Record(), command=FAKE)
    assert (tmp_path / "a.tried").read_text() == "[0, 1]"
