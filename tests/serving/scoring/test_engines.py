"""Another engine scores only if it is proven to give the same, and taken only if it is faster."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, ExportError
from rankkit.evaluation import predict
from rankkit.export.artefacts.parity import measure
from rankkit.export.runtimes.onnx_file import write_onnx
from rankkit.export.source import read_source
from rankkit.serving.scoring import engines
from rankkit.serving.scoring.engines import Engine, faster, onnx_engine, own_engine
from rankkit.serving.scoring.onnx_process import OnnxWriter, StoppedError

SIZES = [3, 0, 1, 40, 1, 1, 0, 900, 2, 1, 25]
OFFSETS = np.cumsum([0, *SIZES])
ROWS = np.random.default_rng(0).lognormal(size=(OFFSETS[-1], 3)).astype(np.float32)
ROWS[5:9, 1] = np.nan


@pytest.fixture(scope="module")
def engine_of():
    """``engine_of(scorer)``: ONNX Runtime, of which each is made once."""
    made = {}

    def of(scorer):
        if id(scorer) not in made:
            made[id(scorer)] = onnx_engine(read_source(scorer), missing=True, writer=OnnxWriter())
        return made[id(scorer)]

    return of


@pytest.mark.parametrize("kind", ["scorer", "listwise_scorer"])
def test_onnxruntime_scores_as_predict_does(kind, engine_of, request):
    scorer = request.getfixturevalue(kind)
    engine = engine_of(scorer)
    assert engine.name == "onnxruntime"
    assert engine.why.startswith("scores equal to ")
    names = scorer.feature_names
    expected = predict(scorer, RankingDataset(ROWS, None, OFFSETS, np.arange(len(SIZES)), feature_names=names))
    assert measure(expected, engine.scores(ROWS, OFFSETS)).passes()


def test_one_long_list_does_not_pad_all_others(listwise_scorer, engine_of, monkeypatch):
    given = []

    def scores(session, features, offsets, listwise):
        sizes = np.diff(offsets)
        given.append((sizes.tolist(), len(sizes) * sizes.max()))
        return features[:, 0]

    monkeypatch.setattr("rankkit.export.runtimes.onnx_file.OnnxSession.scores", scores)
    assert np.array_equal(engine_of(listwise_scorer).scores(ROWS, OFFSETS), ROWS[:, 0])
    assert [size for sizes, _ in given for size in sizes] == [size for size in SIZES if size]
    assert all(padded <= 2 * sum(sizes) for sizes, padded in given)


def test_other_scores_are_refused(scorer):
    class Here:
        def write(self, model, path):
            write_onnx(model, path)

    source = read_source(scorer)
    wrong = replace(source, scores=lambda features, offsets: source.scores(features, offsets) * 1.001)
    with pytest.raises(ExportError, match=r"onnxruntime: expected scores within 1e-05 .* Use another engine"):
        onnx_engine(wrong, missing=True, writer=Here())


def trees_of(tmp_path):
    import lightgbm

    options = {"objective": "regression", "verbose": -1, "num_threads": 1, "min_data_in_leaf": 1}
    rows = np.nan_to_num(ROWS[:50])
    lightgbm.train(options, lightgbm.Dataset(rows, rows[:, 0].copy()), 2).save_model(tmp_path / "model.txt")
    return read_source(tmp_path / "model.txt")


def test_trees_are_scored_by_onnx_runtime_without_onnxscript(tmp_path, monkeypatch):
    source = trees_of(tmp_path)
    assert own_engine(source).name == "trees"
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    engine = onnx_engine(source, missing=True, writer=OnnxWriter())
    assert engine.name == "onnxruntime"
    rows = np.concatenate((ROWS, np.full((1, ROWS.shape[1]), np.nan, np.float32)))
    offsets = np.array([0, len(rows)])
    np.testing.assert_allclose(engine.scores(rows, offsets), source.scores(rows, offsets), rtol=0, atol=1e-6)


@pytest.mark.parametrize("library", ["onnxruntime", "onnx", "onnxscript"])
def test_a_library_that_is_not_there_is_named(library, scorer, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        ConfigError, match=rf"got that {library} is not installed\. Run pip install 'rankkit-torch\[exp"
    ):
        onnx_engine(read_source(scorer), missing=True, writer=None)


def test_where_nothing_can_be_written_it_is_said(scorer, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(ExportError, match="engine: expected a folder for temporary files"):
        onnx_engine(read_source(scorer), missing=True, writer=OnnxWriter())


@pytest.mark.parametrize(
    ("times", "name", "why"),
    [
        (2.0, "onnxruntime", "2.00 times as fast as torch on lists of 10 to 1,000 documents; equal"),
        (1.05, "torch", "onnxruntime is 1.05 times as fast as torch on lists of 10 to 1,000 documents; equal"),
        (0.5, "torch", "onnxruntime is 0.50 times as fast as torch on lists of 10 to 1,000 documents; equal"),
    ],
)
def test_the_faster_one_is_taken(times, name, why, scorer, monkeypatch):
    seconds = np.array([0.001, 0.01, 0.1])
    monkeypatch.setattr(engines, "_times", lambda ways, source: np.stack([seconds, seconds / times]))
    source = read_source(scorer)
    own, other = own_engine(source), Engine("onnxruntime", "equal", lambda features, offsets: features[:, 0])
    taken = faster(own, other, source)
    assert (taken.name, taken.why) == (name, why)
    assert taken.scores is (other if name == "onnxruntime" else own).scores


def test_times_are_medians_of_turns(scorer):
    now, n_calls = [0.0], [0]

    def takes(seconds):
        def score(features, offsets):
            assert offsets.tolist() == [0, len(features)]
            n_calls[0] += 1
            # Every fifth call something else was going on.
            now[0] += seconds * len(features) * (100 if n_calls[0] % 5 == 0 else 1)

        return score

    times = engines._times((takes(1e-6), takes(3e-6)), read_source(scorer), clock=lambda: now[0])
    np.testing.assert_allclose(times, [[1e-5, 1e-4, 1e-3], [3e-5, 3e-4, 3e-3]])


def test_a_writer_that_was_stopped_starts_nothing(scorer, tmp_path):
    writer = OnnxWriter()
    writer.stop()
    with pytest.raises(StoppedError):
        writer.write(scorer, tmp_path / "ranker.onnx")
    assert list(tmp_path.iterdir()) == []
