"""The whole path on raw web search features: text, training, saved ranker, scores."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.registry import OBJECTIVES


@pytest.fixture(scope="module")
def mslr(real_data, tmp_path_factory):
    """The 43 queries of MSLR-WEB30K as train.txt (33) and test.txt (10)."""
    data = rk.read_letor(real_data / "mslr_web30k_5k" / "msn1.fold1.train.5k.txt.gz")
    folder = tmp_path_factory.mktemp("mslr")
    order = np.random.default_rng(0).permutation(data.n_queries)
    rk.write(data.select(order[:33]), folder / "train.txt")
    rk.write(data.select(order[33:]), folder / "test.txt")
    return folder


# Several minutes of processor time for all: the others run with the slow tests.
USUAL = {"ranknet", "cross_entropy"}


@pytest.mark.realdata
@pytest.mark.parametrize(
    "objective", [pytest.param(name, marks=() if name in USUAL else pytest.mark.slow) for name in OBJECTIVES]
)
def test_raw_heavy_tailed_features_train_with_the_defaults(rankkit, mslr, tmp_path, objective):
    run = tmp_path / "run"
    answer = rankkit(
        "train", "--train", mslr / "train.txt", "--valid", mslr / "test.txt", "--objective", objective, "--out", run,
        "--set", "training.epochs=10", "--set", "training.batch_queries=8",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    rankkit("score", run, mslr / "test.txt", "--out", tmp_path / "scores.csv")
    test = rk.read(mslr / "test.txt")
    scores = rk.predict(rk.load(run), test)
    assert np.isfinite(scores).all()
    # 33 queries and 50 steps do not generalise, but the signal that was learnt shows on the queries themselves.
    train = rk.read(mslr / "train.txt")
    qids, generator = np.repeat(train.qids, train.list_sizes), np.random.default_rng(0)
    by_chance = np.mean(
        [
            rk.evaluate_scores(generator.random(train.n_docs), train.labels, qids=qids).means["ndcg@10"]
            for _ in range(10)
        ]
    )
    # Fifty steps are few for those that sort softly.
    margin = 0.05 if objective in USUAL else 0.01
    assert rk.evaluate(rk.load(run), train, ["ndcg@10"]).means["ndcg@10"] > by_chance + margin
