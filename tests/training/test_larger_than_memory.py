"""Training from a cache in blocks: the memory it needs, what it is equal to, and what it does not read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, DataWarning, TrainingError
from rankkit.loaders.cache.reading import read_cache, write_cache
from rankkit.tasks.ranking import blocks as block_module

RUNS = Path(__file__).with_name("squeezed_runs.py")
ROOM = 100_000_000
OPTIONS = {"epochs": 2, "device": "cpu", "progress": False, "seed": 1, "batch_queries": 32, "block_docs": 40}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Training data as a cache, with several pools of blocks, and validation data."""
    path = tmp_path_factory.mktemp("cache") / "train.rkcache"
    write_cache(make_ranking(400, seed=1), path)
    return read_cache(path), make_ranking(30, seed=2)


def scorer_of(data):
    return rk.LinearScorer(data.n_features, transform="standardize", seed=0)


def assert_same_weights(one, other):
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="other systems limit memory in other ways")
def test_a_cache_of_several_times_the_memory_is_trained_on(tmp_path):
    n_queries, size, width = 10_000, 120, 88
    base = np.random.default_rng(0).normal(size=(n_queries * size, 4)).astype(np.float32)
    features, labels = np.tile(base, width // 4), (base[:, 0] > 1).astype(np.float32)
    offsets = np.arange(n_queries + 1, dtype=np.int64) * size
    write_cache(RankingDataset(features, labels, offsets, np.arange(n_queries)), tmp_path / "large.rkcache")
    command = [sys.executable, str(RUNS), str(tmp_path / "large.rkcache"), str(tmp_path / "run"), str(ROOM)]
    returned = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"}  # memory that is free goes back at once
    ran = subprocess.run(command, capture_output=True, text=True, timeout=240, env=returned)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["bytes"] > 4 * ROOM
    assert not found["fits"]
    assert found["ndcg"] > 0.95
    assert (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_run_in_blocks_follows_from_its_seed_and_goes_on_bit_for_bit(parts, tmp_path):
    train, valid = parts
    whole, again, resumed = scorer_of(train), scorer_of(train), scorer_of(train)
    history = rk.fit(whole, "softmax", train, valid, **OPTIONS)
    rk.fit(again, "softmax", train, valid, **OPTIONS)
    assert_same_weights(whole, again)

    class CutOffError(Exception):
        """The run ends here."""

    class Stopper:
        def on_step(self, record):
            if record.step == 20:
                raise CutOffError

        def on_epoch_end(self, record):
            """Nothing."""

    cut = {**OPTIONS, "out": tmp_path, "checkpoint_every": 0.0}
    with pytest.raises(CutOffError):
        rk.fit(resumed, "softmax", train, valid, callbacks=[Stopper()], **cut)
    found = rk.fit(resumed, "softmax", train, valid, resume=True, **cut)
    assert_same_weights(whole, resumed)
    assert [record.loss for record in found.epochs] == [record.loss for record in history.epochs]
    with pytest.raises(TrainingError, match="block_docs"):
        rk.fit(scorer_of(train), "softmax", train, valid, resume=True, **{**cut, "block_docs": 41})


def test_blocks_are_used_where_they_are_asked_for_and_else_weights_stay_as_they_were(parts):
    train, valid = parts
    in_memory = rk.RankingDataset(
        *(np.array(part) for part in (train.features, train.labels, train.offsets)), train.qids
    )
    default, mapped, blocks, held = (scorer_of(train) for _ in range(4))
    rk.fit(default, "softmax", in_memory, valid, **{**OPTIONS, "block_docs": None})
    rk.fit(mapped, "softmax", train, valid, **{**OPTIONS, "block_docs": None})
    assert_same_weights(default, mapped)
    rk.fit(blocks, "softmax", train, valid, **OPTIONS)
    rk.fit(held, "softmax", in_memory, valid, **OPTIONS)
    assert_same_weights(blocks, held)
    assert any(not torch.equal(value, blocks.state_dict()[name]) for name, value in default.state_dict().items())


def test_a_cache_beyond_half_of_the_memory_is_read_in_blocks_and_it_is_said(parts, monkeypatch):
    train, valid = parts
    monkeypatch.setattr(block_module, "memory_size", lambda: train.features.nbytes)
    monkeypatch.setattr(block_module, "BLOCK_BYTES", 40 * train.features.shape[1] * 4)
    chosen, asked = scorer_of(train), scorer_of(train)
    with pytest.warns(DataWarning, match=r"read in blocks of 40 documents.*block_docs=40"):
        rk.fit(chosen, "softmax", train, valid, **{**OPTIONS, "block_docs": None})
    rk.fit(asked, "softmax", train, valid, **OPTIONS)
    assert_same_weights(chosen, asked)


def test_nothing_is_read_for_a_fingerprint_that_nobody_asks_for(parts, tmp_path, monkeypatch):
    train, valid = parts
    asked = []
    monkeypatch.setattr(
        RankingDataset, "fingerprint", property(lambda data: asked.append(data) or "0" * 32), raising=True
    )
    rk.fit(scorer_of(train), "softmax", train, valid, **OPTIONS)
    assert not asked
    rk.fit(scorer_of(train), "softmax", train, valid, out=tmp_path, **OPTIONS)
    assert asked


@pytest.mark.parametrize("block_docs", [0, -3, 2.5, "many"])
def test_a_size_of_blocks_that_is_none_is_refused(parts, block_docs):
    train, valid = parts
    with pytest.raises(ConfigError, match="block_docs: expected a whole number of at least 1"):
        rk.fit(scorer_of(train), "softmax", train, valid, **{**OPTIONS, "block_docs": block_docs})


def test_trees_take_no_blocks(parts):
    train, _ = parts
    with pytest.raises(ConfigError, match="expected no batches"):
        rk.fit(rk.LightGBM(train.n_features), "softmax", train, block_docs=40)
