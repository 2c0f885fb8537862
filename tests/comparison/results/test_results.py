"""What a finished comparison says, beside slow computations from its own files."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rankkit.comparison import read_results
from rankkit.comparison.report import write_report
from rankkit.comparison.results.audit import is_fair
from rankkit.comparison.results.tables import cost_markdown, latex, markdown, per_query_frame, to_dict
from rankkit.errors import ConfigError, DataError
from rankkit.statistics.significance import correct

SYSTEMS = ("linear softmax", "linear cross_entropy", "lightgbm-lambdarank", "best-feature", "random")


def slow_values(results, metric, system):
    """Of each query, by its id: the mean over the seeds, from the files of the runs."""
    collected = {}
    for run in results.runs:
        if run.spec.system.name == system:
            for qid, value in zip(run.per_query["qid"], run.per_query[metric], strict=True):
                collected.setdefault(str(qid), []).append(value)
    return {qid: sum(values) / len(values) for qid, values in collected.items()}


@pytest.fixture
def copy(finished, tmp_path):
    """A copy of the folder, to be spoilt."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    return tmp_path / "copy"


def edit(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_queries_of_all_splits_stand_in_one_sample(finished):
    assert finished.systems == SYSTEMS
    assert len(finished.queries) == 60
    assert sorted(finished.queries["qid"].astype(int)) == [*range(1, 21), *range(101, 121), *range(201, 221)]
    for metric in ("ndcg@10", "mrr"):
        for system in SYSTEMS:
            slow = slow_values(finished, metric, system)
            ours = dict(zip(finished.queries["qid"], finished.values[metric][system], strict=True))
            assert ours == pytest.approx(slow)


def test_the_table_is_what_scipy_says_of_the_queries(finished):
    standings = finished.standings["ndcg@10"]
    rows = {row.system: row for row in standings.rows}
    assert [row.mean for row in standings.rows] == sorted((row.mean for row in standings.rows), reverse=True)
    base = np.array(list(slow_values(finished, "ndcg@10", "linear softmax").values()))
    raw = []
    for system in SYSTEMS[1:]:
        values = np.array(list(slow_values(finished, "ndcg@10", system).values()))
        row, deltas = rows[system], values - base
        raw.append(stats.ttest_rel(values, base).pvalue)
        assert row.mean == pytest.approx(values.mean())
        assert row.delta == pytest.approx(deltas.mean())
        assert row.effect_size == pytest.approx(deltas.mean() / deltas.std(ddof=1))
        assert row.p == pytest.approx(raw[-1])
        assert (row.win_tie_loss.wins, row.win_tie_loss.losses) == ((deltas > 1e-9).sum(), (deltas < -1e-9).sum())
        assert row.low < row.mean < row.high
        interval = stats.bootstrap((values,), np.mean, n_resamples=2000, rng=np.random.default_rng(0))
        assert (row.low, row.high) == pytest.approx(tuple(interval.confidence_interval), abs=0.02)
    assert [rows[system].p_corrected for system in SYSTEMS[1:]] == pytest.approx(correct(raw).tolist())
    assert rows["linear softmax"].delta is None
    assert standings.n_pairs == 10
    upper = np.triu_indices(5, 1)
    assert standings.p_corrected[upper] == pytest.approx(correct(standings.p[upper]))
    assert (standings.p_corrected == standings.p_corrected.T).all()
    different = standings.p_corrected <= 0.05
    for i, first in enumerate(SYSTEMS):
        for j, second in enumerate(SYSTEMS[:i]):
            assert bool(set(rows[first].letters) & set(rows[second].letters)) != different[i, j]


def test_the_deviation_over_seeds_is_that_of_their_means(finished):
    rows = {row.system: row for row in finished.standings["mrr"].rows}
    means = []
    for seed in (0, 1):
        runs = [run for run in finished.runs if run.spec.system.name == "random" and run.spec.seed == seed]
        means.append(pd.concat([run.per_query["mrr"] for run in runs]).mean())
    assert rows["random"].seed_deviation == pytest.approx(np.std(means, ddof=1))
    assert rows["random"].n_seeds == 2
    assert rows["best-feature"].seed_deviation is None


def test_the_option_set_of_a_search_is_the_best_on_validation_data(finished):
    assert len(finished.trials) == 9  # one of two trials of three systems on three splits was not chosen
    for run in finished.trials:
        chosen = [
            other
            for other in finished.runs_of(run.spec.system.name)
            if other.spec.split == run.spec.split and other.spec.seed == 0
        ]
        assert len(chosen) == 1
        assert chosen[0].outcome["valid"] >= run.outcome["valid"]
        assert chosen[0].spec.trial != run.spec.trial
    for system in SYSTEMS[:3]:
        for split in finished.splits:
            options = [run.spec.options for run in finished.runs_of(system) if run.spec.split == split]
            assert len(options) == 2
            assert options[0] == options[1]


def test_a_report_finds_what_it_draws(finished):
    run = finished.runs_of("linear softmax")[0]
    curve = run.curve()
    assert curve["step"].is_monotonic_increasing
    assert {"loss", "valid_ndcg@10", "seconds"} <= set(curve.columns)
    docs = finished.docs(run.spec.split)
    assert len(run.scores()) == len(docs)
    assert (finished.queries["list_size"] >= finished.queries["n_relevant"]).all()
    assert finished.by_seed["mrr"]["random"].shape == (60, 2)
    cost = finished.cost().set_index("system")
    assert cost.loc["linear softmax", "n_parameters"] == 7
    assert run.environment["threads"] == 1
    assert finished.runs_of("best-feature")[0].curve().empty
    assert repr(finished).startswith("Results(5 systems, 27 runs, ndcg@10, mrr; ")


def test_the_tables(finished):
    text = markdown(finished)
    assert text == (finished.folder / "results/table.md").read_text()
    assert "| linear softmax" in text
    assert "Fairness audit passed" in text
    assert "ties pessimistic" in text
    assert "Holm correction over all 10 pairs" in text
    assert r"linear cross\_entropy &" in latex(finished)
    assert latex(finished).count(r"\textbf") == 2
    values = json.loads((finished.folder / "results/results.json").read_text())
    assert values == json.loads(json.dumps(to_dict(finished)))
    systems = pd.read_parquet(finished.folder / "results/systems.parquet")
    assert len(systems) == 10
    pairs = pd.read_parquet(finished.folder / "results/pairs.parquet")
    assert len(pairs) == 2 * 5 * 4
    flipped = pairs.merge(pairs, left_on=["metric", "system", "other"], right_on=["metric", "other", "system"])
    assert np.allclose(flipped["delta_x"], -flipped["delta_y"])
    assert (flipped["wins_x"] == flipped["losses_y"]).all()
    frame = per_query_frame(finished)
    assert frame["ndcg@10 random"].mean() == pytest.approx(
        next(row.mean for row in finished.standings["ndcg@10"].rows if row.system == "random")
    )
    assert "p99 ms" in cost_markdown(finished)
    printed = (finished.folder / "stdout.txt").read_text()
    assert str(finished) in printed


def test_the_audit_of_a_fair_comparison(finished):
    assert is_fair(finished.audit)
    texts = {finding.check: str(finding) for finding in finished.audit}
    assert texts["trials"] == "ok: trials: 2 option sets of every system that learns, drawn at random, on every split"
    assert texts["seeds"] == "ok: seeds: every system with 0, 1; without randomness, run once: best-feature"


def test_the_audit_of_an_unfair_comparison(copy):
    lost = read_results(copy)
    seed_1 = next(run for run in lost.runs_of("random") if run.spec.seed == 1)
    (seed_1.folder / "outcome.json").unlink()
    (seed_1.folder / "error.txt").write_text("out of memory\n\ntrace")
    edit(copy / "splits/part1/about.json", lambda about: about.update(n_shared_queries=3))
    edit(copy / "splits/part2/about.json", lambda about: about.update(n_teaching_queries=1, weights_per="doc"))
    edit(lost.runs_of("lightgbm-lambdarank")[0].folder / "outcome.json", lambda one: one.update(ignores_weights=True))
    edit(lost.runs[0].folder / "env.json", lambda env: env["versions"].update(torch="9.9"))
    trial = lost.trials[0]
    (trial.folder / "outcome.json").unlink()
    results = read_results(copy)
    assert not is_fair(results.audit)
    levels = {finding.check: finding for finding in results.audit}
    assert str(levels["seeds"]) == "FAIL: seeds: random lacks 1"
    assert levels["test queries"].text.endswith("document for document: 3 of part1")
    assert levels["weights"].text == "those of documents did not reach lightgbm-lambdarank, which cannot take them"
    assert levels["training queries"].text.endswith("from which an order is learnt: 1 of 20 of part2")
    assert levels["trials"].level == "fail"
    assert "torch: " in levels["environment"].text
    assert results.errors[seed_1.spec.id] == "out of memory"
    assert results.errors[trial.spec.id] == "not run"
    assert "Fairness audit FAILED" in str(results)
    assert "without an outcome" in str(results)


def test_the_audit_of_splits_with_times(copy):
    times = {"train": [1.0, 5.0], "valid": [6.0, 7.0], "test": [8.0, 9.0], "n_later": {"train": 0, "valid": 0}}
    for part in ("part1", "part2", "part3"):
        edit(copy / f"splits/{part}/about.json", lambda about: about.update(times=times))
    edit(copy / "splits/part3/about.json", lambda about: about["times"].update(test=[10.0, 11.5]))
    results = read_results(copy)
    assert is_fair(results.audit)
    (found,) = (finding for finding in results.audit if finding.check == "splits in time")
    assert found.text == "no split learns from queries later than those it is tested on, of 8 to 11.5"
    leaking = {**times, "n_later": {"train": 12, "valid": 3}}
    edit(copy / "splits/part2/about.json", lambda about: about.update(times=leaking))
    results = read_results(copy)
    assert not is_fair(results.audit)
    (found,) = (finding for finding in results.audit if finding.check == "splits leak forward")
    assert "12 training queries of part2, 3 validation queries of part2" in found.text
    write_report(results, copy / "again.html")
    assert "splits leak forward" in (copy / "again.html").read_text()


def test_systems_that_never_finished_are_left_out_and_named(copy):
    for outcome in copy.glob("runs/lightgbm-lambdarank-part2-*/outcome.json"):
        outcome.unlink()
    results = read_results(copy)
    assert "lightgbm-lambdarank" not in results.systems
    assert "left out, since no seed finished on every split: lightgbm-lambdarank" in str(results)
    assert results.standings["mrr"].n_pairs == 6


def test_a_baseline_that_never_finished_leaves_no_comparison_with_it(copy):
    for outcome in copy.glob("runs/linear-softmax-*/outcome.json"):
        outcome.unlink()
    results = read_results(copy)
    assert all(row.delta is None for row in results.standings["mrr"].rows)
    assert "linear softmax" in str(results)


def test_other_protocols_and_other_data_are_refused(copy):
    outcome = read_results(copy).runs[3].folder / "outcome.json"
    before = outcome.read_text()
    edit(outcome, lambda values: values["protocol"].update(gain="linear"))
    with pytest.raises(ConfigError, match=r"expected runs under one protocol; got .* with another gain"):
        read_results(copy)
    outcome.write_text(before)
    edit(outcome, lambda values: values["protocol"].update(max_label=3.0))
    read_results(copy)
    edit(outcome, lambda values: values["fingerprints"].update(test="0" * 32))
    with pytest.raises(DataError, match=r"expected all runs on the same data; got .* with other test data"):
        read_results(copy)


def test_folders_without_results(tmp_path, copy):
    with pytest.raises(ConfigError, match="expected the folder of a comparison"):
        read_results(tmp_path)
    shutil.rmtree(copy / "runs")
    with pytest.raises(
        ConfigError, match=r"expected a system with a finished run on every split; got none \(not run\)"
    ):
        read_results(copy)


def test_infinite_effects_survive_json(finished):
    from rankkit.comparison.results.tables import finite_values

    assert finite_values({"a": [math.inf, math.nan, 0.5]}) == {"a": ["inf", None, 0.5]}
