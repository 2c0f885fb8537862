"""Scorers that are trained here as systems: layers and trees, under objectives of one score."""

import shutil

import pandas as pd

import rankkit as rk
from rankkit.comparison import Part, Plan, Rules, compare, cross
from rankkit.tasks.ranking.splits import Source


def test_trees_and_layers_cross_with_objectives_and_resume(tmp_path):
    for seed, part in enumerate(("train", "valid", "test")):
        rk.write(rk.make_ranking(20, n_features=4, seed=seed), tmp_path / f"{part}.txt")
    source = Source(**{part: str(tmp_path / f"{part}.txt") for part in ("train", "valid", "test")})
    trees, linear = Part("lightgbm", {"num_leaves": 4, "min_data_in_leaf": 5}), Part("linear")
    systems = [
        *cross([trees], [Part("lambdarank"), Part("approx_ndcg")], {"epochs": 2}),
        *cross([linear], [Part("approx_ndcg")], {"epochs": 2}),
    ]
    plan = Plan(source, tuple(systems), systems[0].name, (0,), "ndcg@10", Rules(metrics=("ndcg@10",)))
    results = compare(plan, tmp_path / "out", progress=False)
    assert not results.errors
    chosen = {run.spec.system.name: run.outcome["chosen"] for run in results.runs}
    assert [sorted(one) for one in chosen.values()] == [
        ["objective", "trees", "trees_grown"],
        ["objective", "trees", "trees_grown"],
        ["best_epoch", "epochs"],
    ]
    assert [one.get("objective") for one in chosen.values()][:2] == ["lambdarank of lightgbm", "approx_ndcg_loss"]
    (gone,) = (tmp_path / "out" / "runs").glob("lightgbm*approx*")
    shutil.rmtree(gone)
    again = compare(plan, tmp_path / "out", resume=True, progress=False)
    assert gone.is_dir()
    pd.testing.assert_frame_equal(again.values["ndcg@10"], results.values["ndcg@10"])
