"""Runs mirrored to MLflow and TensorBoard, read back with their own readers."""

import json

import pytest
from typer.testing import CliRunner

import rankkit as rk
from rankkit.cli.app import app
from rankkit.comparison import Plan, compare
from rankkit.comparison.plan import Part, Source, System
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, DataWarning, DiskError, TrainingError
from rankkit.loaders.tables.writers import write_letor
from rankkit.training.history import EpochRecord
from rankkit.training.tracking import MLflow, TensorBoard, Tracking, open_tracker
from tests.file_limits import small_files

# What these libraries warn of is not ours to mend.
pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning"), pytest.mark.filterwarnings("ignore:::mlflow")]


@pytest.fixture
def store(tmp_path, monkeypatch):
    """An MLflow store in a folder; servers and databases are reached by the same client."""
    pytest.importorskip("mlflow", reason="pip install mlflow-skinny")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)
    from mlflow import MlflowClient

    return MlflowClient()


def runs_of(store, experiment):
    return store.search_runs([store.get_experiment_by_name(experiment).experiment_id])


def scalars(folder):
    pytest.importorskip("tensorboard", reason="pip install tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@pytest.fixture
def files(tmp_path):
    for name, seed in (("train", 0), ("vali", 1), ("test", 2)):
        write_letor(make_ranking(12, n_features=4, seed=seed), tmp_path / f"{name}.txt")
    return tmp_path


def test_train_mirrors_every_epoch_and_the_results(files, store):
    arguments = [f"--{option}={files / file}.txt" for option, file in (("train", "train"), ("valid", "vali"))]
    arguments += [f"--out={files / 'runs' / 'one'}", "--scorer=linear", "--set=training.epochs=2"]
    arguments += [f"--test={files / 'test.txt'}", "--track=mlflow", "--track=tensorboard"]
    result = CliRunner().invoke(app, ["train", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    lines = [json.loads(line) for line in (files / "runs/one/metrics.jsonl").read_text().splitlines()]
    valid = [(line["step"], line["valid_ndcg@10"]) for line in lines]

    (run,) = runs_of(store, "runs")
    assert run.info.run_name == "one"
    assert run.info.status == "FINISHED"
    assert run.data.params["objective.name"] == "ranknet"
    assert run.data.params["training.epochs"] == "2"
    history = store.get_metric_history(run.info.run_id, "valid_ndcg_at_10")
    assert [(point.step, point.value) for point in history] == valid
    assert run.data.metrics["valid/ndcg_at_10"] == max(value for _, value in valid)
    assert "test/mrr_at_10" in run.data.metrics

    events = scalars(files / "runs/one/tensorboard")
    assert events["valid_ndcg@10"] == [(step, pytest.approx(value, abs=1e-6)) for step, value in valid]
    assert events["test/ndcg@10"][0][1] == pytest.approx(run.data.metrics["test/ndcg_at_10"], abs=1e-6)


@pytest.mark.parametrize("name", ["mlflow", "tensorboard"])
def test_a_mirror_that_was_cut_off_goes_on(tmp_path, store, name):
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    tracker = open_tracker(name, "runs")
    Tracking(tracker, folder, {"seed": 0}, resume=False).__enter__()  # never left: the process was killed
    tracker.log({"step": 1, "loss": 0.5, "valid_ndcg@10": None})
    assert not open_tracker(name, "runs").holds(folder)
    again = open_tracker(name, "runs")
    with Tracking(again, folder, {"seed": 0}, resume=True) as tracking:
        again.log({"step": 2, "loss": 0.25})
        tracking.results["test/ndcg@10"] = 0.75
    assert open_tracker(name, "runs").holds(folder)
    if name == "mlflow":
        (run,) = runs_of(store, "runs")
        history = store.get_metric_history(run.info.run_id, "loss")
        assert [(point.step, point.value) for point in history] == [(1, 0.5), (2, 0.25)]
    else:
        assert scalars(folder / "tensorboard")["loss"] == [(1, 0.5), (2, 0.25)]


def test_a_run_made_anew_is_not_mixed_with_the_one_before(tmp_path, store):
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    for tracker in (MLflow("runs"), TensorBoard()):
        for loss in (0.5, 0.25):
            with Tracking(tracker, folder, {}, resume=False):
                tracker.log({"step": 1, "loss": loss})
    assert len(runs_of(store, "runs")) == 2
    assert scalars(folder / "tensorboard")["loss"] == [(1, 0.25)]


def plan_of(files):
    source = Source(*(str(files / f"{name}.txt") for name in ("train", "vali", "test")))
    systems = (System("random", external=Part("random")), System("best", external=Part("best-feature")))
    return Plan(source, systems, baseline="random", seeds=(0,))


def test_compare_mirrors_each_run_once_and_goes_on_without_a_tracker_that_fails(files, store, monkeypatch):
    def refuse(self, folder, config, *, resume):
        raise OSError("no space left")

    out = files / "comparison"
    with monkeypatch.context() as patch:
        patch.setattr(TensorBoard, "start", refuse)
        with pytest.raises(TrainingError, match=r"(?s)got OSError: no space left.*--resume --track tensorboard"):
            compare(plan_of(files), out, jobs=1, track=["tensorboard", "mlflow"], progress=False)
    assert (out / "report.html").is_file()
    assert len(runs_of(store, "comparison")) == 2

    results = compare(plan_of(files), out, jobs=1, resume=True, track=["mlflow", "tensorboard"], progress=False)
    runs = {run.data.params["system"]: run for run in runs_of(store, "comparison")}
    assert set(runs) == {"random", "best"}
    assert len(runs_of(store, "comparison")) == 2
    for run in results.runs:
        mirrored = runs[run.spec.system.name]
        assert mirrored.data.metrics["test/ndcg_at_10"] == run.outcome["test"]["ndcg@10"]
        assert "test/ndcg@10" in scalars(out / "runs" / run.spec.id / "tensorboard")


class Failing(TensorBoard):
    """Fails once, in the middle of a run."""

    n_logged = 0

    def log(self, record):
        self.n_logged += 1
        if self.n_logged == 2:
            raise RuntimeError("the server is gone.\nTraceback of the server")
        super().log(record)


def test_a_mirror_that_fails_costs_no_training(tmp_path):
    pytest.importorskip("tensorboard", reason="pip install tensorboard")
    data, tracker = make_ranking(12, n_features=4, seed=0), Failing()
    said = pytest.warns(DataWarning, match=r"got RuntimeError: the server is gone\. The run goes on without its mirror")
    with said as warned, Tracking(tracker, tmp_path, {}, resume=False) as tracking:
        history = rk.fit(rk.LinearScorer(4, seed=0), "ranknet", data, epochs=3, callbacks=[tracking], progress=False)
    assert len(history) == 3
    assert len(warned) == 1
    assert tracker.n_logged == 2
    assert not tracker.holds(tmp_path)
    assert [step for step, _ in scalars(tmp_path / "tensorboard")["loss"]] == [history.epochs[0].step]


def test_a_full_disk_ends_the_mirror_and_no_thread(tmp_path):
    pytest.importorskip("tensorboard", reason="pip install tensorboard")
    said = pytest.warns(DataWarning, match=r"one \(mirror of the run in TensorBoard\): .*a limit on the size of files")
    with said as warned, Tracking(TensorBoard(), tmp_path / "one", {}, resume=False) as tracking, small_files(2_000):
        for epoch in range(1, 40):
            tracking.on_epoch_end(EpochRecord(epoch, epoch, 0.5, None, None, 0.1, 100.0, 1.0))
    assert len(warned) == 1
    assert len(scalars(tmp_path / "one" / "tensorboard")["loss"]) > 3
    with pytest.raises(DiskError, match="mirror of the run in TensorBoard"), small_files(50):
        Tracking(TensorBoard(), tmp_path / "two", {}, resume=False).__enter__()


def test_what_cannot_be_tracked_is_said_before_anything_runs(monkeypatch):
    with pytest.raises(ConfigError, match="Did you mean 'mlflow'"):
        open_tracker("mlflw", "runs")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"rankkit-torch\[track\]"):
        open_tracker("tensorboard", "runs")
