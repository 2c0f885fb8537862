"""Runs in threads give what each gives alone, and leave the global generators of torch and numpy alone."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.model_selection import GridSearchCV, GroupKFold
from torch import nn

from rankkit import Ranker, bundle, fit, fit_encoder, predict
from rankkit.data.synthetic import make_ranking
from rankkit.loaders.examples.files import read_labelled
from rankkit.models.encoders import RandomAffine, embed
from rankkit.models.scorers import MLPScorer
from rankkit.objectives import gumbel_approx_ndcg_loss, listmle_loss, softmax_loss
from rankkit.registry import EMBEDDING_OBJECTIVES, ENCODERS, OBJECTIVES, SCORERS
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.ranking.build import build_scorer
from rankkit.tasks.similarity.build import build_encoder

DATA = make_ranking(40, n_features=4, seed=1)
DIGITS = read_labelled("digits").split_classes(0.7, seed=0)[0]


class Dropping(nn.Module):
    """A scorer of somebody's own, whose dropout knows the global generator alone."""

    def __init__(self, seed):
        super().__init__()
        first, last = (nn.utils.skip_init(nn.Linear, *sizes) for sizes in ((4, 8), (8, 1)))  # nothing drawn here
        self.layers = nn.Sequential(first, nn.ReLU(), nn.Dropout(0.4), last)
        with torch.no_grad():
            for weight in self.parameters():
                weight.fill_(0.1)

    def forward(self, features, offsets):
        return self.layers(features.float()).squeeze(-1)


def noisy(scores, labels, mask):
    return softmax_loss(scores + torch.rand_like(scores), labels, mask)


def dropping_mlp(seed):
    return MLPScorer(4, (8, 8), transform="none", dropout=0.4, seed=seed)


def train_scorer(objective, seed, make=dropping_mlp):
    scorer = make(seed)
    fit(scorer, objective, DATA, epochs=3, batch_queries=10, seed=seed, device="cpu", progress=False)
    return scorer


def train_encoder(objective, seed, **options):
    encoder = build_encoder("conv", {"channels": [4], "normalization": "group", "n_dims": 4}, objective, DIGITS, seed=0)
    loss = build_objective(objective, {}, kind="embedding objective")
    augment = RandomAffine()
    fit_encoder(encoder, loss, DIGITS, epochs=1, seed=seed, augment=augment, device="cpu", progress=False, **options)
    return encoder


RUNS = [
    partial(train_scorer, softmax_loss, 1),
    partial(train_scorer, gumbel_approx_ndcg_loss, 2),
    partial(train_scorer, listmle_loss, 3),
    partial(train_scorer, noisy, 4),
    partial(train_scorer, softmax_loss, 5, Dropping),
    partial(train_scorer, noisy, 6, Dropping),
    partial(train_encoder, "contrastive", 7),
    partial(train_encoder, "triplet", 8, mining="distance_weighted", chunk_size=20),
]


def weights_of(model):
    return [value.clone() for value in model.state_dict().values()]


def global_states():
    """Not that of Python, from which the checker of types draws in the tests."""
    return [torch.get_rng_state().tolist(), repr(np.random.get_state())]  # noqa: NPY002


def test_runs_in_threads_give_what_each_gives_alone():
    alone = [weights_of(run()) for run in RUNS]
    together = Barrier(len(RUNS))

    def start(run):
        together.wait()
        return weights_of(run())

    with ThreadPoolExecutor(len(RUNS)) as pool:
        in_threads = list(pool.map(start, RUNS))
    for one, other in zip(alone, in_threads, strict=True):
        assert all(map(torch.equal, one, other))


def test_a_grid_search_in_threads_gives_what_it_gives_in_a_row():
    frame = pd.DataFrame(DATA.features).add_prefix("f").assign(qid=np.repeat(DATA.qids, DATA.list_sizes))
    ranker = Ranker("listmle", scorer__hidden=[8], scorer__dropout=0.4, epochs=2)
    found = []
    for n_jobs in (1, 4):
        search = GridSearchCV(
            ranker.set_params(training__device="cpu"), {"random_state": [0, 1, 2]}, cv=GroupKFold(2), n_jobs=n_jobs
        )
        with joblib.parallel_backend("threading"):
            search.fit(frame, DATA.labels, groups=frame.qid)
        found.append(search.cv_results_["mean_test_score"])
    assert np.array_equal(*found)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("scorer", SCORERS)
def test_no_objective_touches_the_global_generators(tmp_path, scorer, name):
    before = global_states()
    model = build_scorer(scorer, {"transform": "none"}, name, DATA, seed=0)
    fit(model, build_objective(name, {}), DATA, epochs=1, device="cpu", progress=False)
    predict(model, DATA)
    bundle.save(model, tmp_path)
    bundle.load(tmp_path)
    assert global_states() == before


@pytest.mark.parametrize("name", EMBEDDING_OBJECTIVES)
def test_no_embedding_objective_touches_the_global_generators(tmp_path, name):
    before = global_states()
    model = build_encoder("mlp", {"hidden": [4], "n_dims": 4, "dropout": 0.3}, name, DIGITS, seed=0)
    loss = build_objective(name, {}, kind="embedding objective")
    fit_encoder(model, loss, DIGITS, epochs=1, device="cpu", progress=False)
    embed(model, DIGITS.inputs)
    bundle.save(model, tmp_path)
    bundle.load(tmp_path)
    assert global_states() == before


@pytest.mark.parametrize("kind", [*SCORERS.values(), *ENCODERS.values()])
def test_loading_what_was_built_without_a_seed_draws_nothing(tmp_path, kind):
    model = kind(4) if kind in SCORERS.values() else kind((1, 8, 8))
    bundle.save(model, tmp_path)
    before = global_states()
    loaded = bundle.load(tmp_path)
    assert global_states() == before
    assert loaded.options == model.options
    assert loaded.options["seed"] is None


@pytest.mark.parametrize("run", [RUNS[3], RUNS[5]])
def test_what_draws_globally_is_seeded_and_leaves_no_trace(run):
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = global_states()
        found.append(weights_of(run()))
        assert global_states() == before
    assert all(map(torch.equal, *found))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_child_that_was_forked_while_a_thread_trains_can_train():
    from rankkit.randomness import Randomness

    held, done = Barrier(2), Barrier(2)

    def hold():
        with Randomness(0, torch.device("cpu")).lent():
            held.wait()
            done.wait()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait()
        child = os.fork()
        if child == 0:
            with Randomness(0, torch.device("cpu")).lent():
                os._exit(0)
        done.wait()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
