"""Encoders go through the comparison that rankers go through: what differs are the data and the words."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.comparison import ExampleSource, Part, Plan, Source, System, compare, cross, external_system
from rankkit.comparison.plan import Rules, RunSpec
from rankkit.errors import ConfigError
from rankkit.loaders.examples.files import read_labelled
from rankkit.models.encoders import embed
from rankkit.similarity import evaluate_retrieval
from tests.comparison.report.test_page import Page
from tests.comparison.test_compare import outcomes, results_of

METRICS = ["map_at_r", "hit_rate@1"]
TRAINED = ("mlp hidden=16 supcon", "mlp hidden=16 triplet margin=0.3")


@pytest.fixture(scope="module")
def parts(encoders):
    """Training, validation and test digits as the experiment file has them: no class is in two."""
    seen, test = read_labelled(encoders.plan.source.train).split_classes(0.4, seed=0)
    train, valid = seen.split_classes(0.4, seed=0)
    return train, valid, test


def check(run, embedded, test, distance):
    report = evaluate_retrieval(embedded, test.labels, METRICS, distance=distance)
    for metric, mean in report.means.items():
        assert run.outcome["test"][metric] == mean
        assert run.per_query[metric].tolist() == report.per_query[metric].tolist()


def test_every_encoder_trains_with_every_objective_and_seed(encoders, parts):
    _, valid, test = parts
    assert encoders.systems == (*TRAINED, "raw-inputs")
    assert encoders.errors == {}
    for name in TRAINED:
        assert encoders.seeds(name) == (0, 1)
        for run in encoders.runs_of(name):
            encoder = rk.load_encoder(run.folder)
            check(run, embed(encoder, test.inputs), test, encoder.distance)
            chosen = evaluate_retrieval(
                embed(encoder, valid.inputs), valid.labels, ["map_at_r"], distance=encoder.distance
            )
            assert run.outcome["valid"] == chosen.means["map_at_r"] == run.curve()["valid_map_at_r"].max()
            config = json.loads((run.folder / "config.json").read_text())
            assert config["encoder"]["hidden"] == [16]
            assert config["training"]["epochs"] == 2
            assert run.cost["n_parameters"] == 64 * 16 + 16 + 16 * 32 + 32
            assert not (run.folder / "checkpoint.pt").exists()
    distances = {run.spec.system.name: rk.load_encoder(run.folder).distance.name for run in encoders.runs[:4]}
    assert distances == {TRAINED[0]: "cosine", TRAINED[1]: "squared_euclidean"}


def test_raw_inputs_are_compared_by_euclidean_distance(encoders, parts):
    _, valid, test = parts
    (run,) = encoders.runs_of("raw-inputs")
    check(run, test.inputs.reshape(len(test), -1), test, "euclidean")
    chosen = evaluate_retrieval(valid.inputs.reshape(len(valid), -1), valid.labels, ["map_at_r"], distance="euclidean")
    assert run.outcome["valid"] == chosen.means["map_at_r"]


def test_an_anchor_is_a_query(encoders, parts):
    test = parts[2]
    names = np.array(test.class_names)[test.labels]
    assert encoders.queries["class"].tolist() == names.tolist()
    assert (encoders.queries["list_size"] == len(test) - 1).all()
    assert encoders.queries["n_relevant"].tolist() == [np.sum(names == name) - 1 for name in names]
    table = pd.read_parquet(encoders.folder / "results/per_query.parquet")
    seeds = [run.per_query["map_at_r"] for run in encoders.runs_of(TRAINED[0])]
    assert table[f"map_at_r {TRAINED[0]}"].to_numpy() == pytest.approx(np.mean(seeds, axis=0), abs=1e-12)
    row = next(row for row in encoders.standings["map_at_r"].rows if row.system == TRAINED[0])
    assert row.mean == pytest.approx(np.mean(seeds), abs=1e-12)
    assert row.delta is None


def test_the_words_are_those_of_encoders(encoders):
    text = " ".join(str(encoders).split())
    n_anchors = len(encoders.queries)
    assert f"{n_anchors} test anchors; the value of an anchor is its mean over 2 seeds" in text
    assert "every test anchor has another example of its class" in text
    assert "Data: split 4 / 2 / 4 classes" in text
    assert "ok: test anchors: none stands in the training or validation data" in text
    assert "ok: test classes: none has examples in the training or validation data" in text
    assert "Anchors of one class have much in common" in text
    assert "Fairness audit passed" in text
    cost = (encoders.folder / "results/cost.md").read_text()
    assert "examples/s" in cost
    assert "embedding 100 examples" in cost
    for words in (text, cost):
        assert "quer" not in words
        assert "document" not in words


def test_the_page_has_what_there_is_of_encoders_and_says_what_there_is_not(encoders):
    page = Page((encoders.folder / "report.html").read_text(encoding="utf-8"))
    assert f"Differences to {TRAINED[0]}, anchor by anchor" in page.text
    assert "Training over steps" in page.text
    assert "By other examples of its class" in page.text
    assert "Worst queries with their documents, and scores by label, are shown of rankers only" in page.text
    assert "Query" not in page.text
    assert "Ties and calibration" not in page.text
    best = encoders.standings["map_at_r"].rows[0].system
    rows = page.table("class", "anchors", best)
    values = encoders.values["map_at_r"][best].groupby(encoders.queries["class"]).mean().sort_values()
    assert [row[0] for row in rows] == values.index.tolist()
    assert [row[2] for row in rows] == [f"{value:.4f}" for value in values]
    assert page.table("split", "part", "classes", "examples")[0][1:3] == ["train", "4"]


def test_resumed_it_gives_the_same_bytes(encoders, tmp_path):
    out = tmp_path / "run"
    lost = encoders.runs_of(TRAINED[1])[1].folder.name
    shutil.copytree(encoders.folder, out, ignore=shutil.ignore_patterns("results", "report.html", lost))
    before = outcomes(out)
    assert len(before) == 4
    compare(encoders.plan, out, jobs=1, resume=True, progress=False)
    after = outcomes(out)
    assert len(after) == 5
    assert {path: after[path] for path in before} == before
    assert results_of(out) == results_of(encoders.folder)


def test_a_plan_of_encoders_comes_back_from_json_and_rankers_do_not_mention_them(encoders):
    assert Plan.from_dict(encoders.plan.to_dict()) == encoders.plan
    spec = encoders.runs[0].spec
    assert RunSpec.from_dict(spec.to_dict()) == spec
    ranker = System("x", Part("mlp"), objective=Part("ranknet"))
    spec = RunSpec(ranker, "split", 0, 0, {}, Source(), "ndcg@10", Rules(), 1)
    assert "encoder" not in spec.to_dict()["system"]
    assert RunSpec.from_dict(spec.to_dict()) == spec


def test_rankers_and_encoders_are_not_compared_with_each_other(encoders, tmp_path):
    ranker, encoder = (
        cross([Part("mlp")], [Part("softmax")], {}),
        cross([Part("mlp")], [Part("supcon")], {}, kind="encoder"),
    )
    random, raw = external_system(Part("random")), external_system(Part("raw-inputs"))
    examples, documents = ExampleSource("digits", held_out=0.4, valid_held_out=0.4), Source("a", "b", "c")
    for source, systems, message in (
        (examples, (*ranker, raw), "mlp softmax: expected encoder and objective, since the data is labelled examples"),
        (examples, (*encoder, random), "expected a system to compare with encoders; got 'random', one for rankers"),
        (documents, (*encoder, random), "mlp supcon: expected scorer and objective, since the data is documents of"),
        (documents, (*ranker, raw), "got 'raw-inputs', one for encoders. Name random or feature"),
    ):
        plan = replace(encoders.plan, source=source, systems=systems, baseline=systems[0].name)
        with pytest.raises(ConfigError, match=message):
            compare(plan, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
