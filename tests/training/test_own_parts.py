"""Scorers and objectives of one's own, and the names of features, through fit, predict and evaluate."""

import numpy as np
import pytest
import torch

import rankkit as rk


class Own(torch.nn.Module):
    """A scorer that says nothing of itself."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(4, 1)

    def forward(self, features, offsets):
        return self.linear(features).squeeze(-1)


def own_loss(scores, labels, mask):
    return rk.softmax_loss(scores, labels, mask)


def named(data, names):
    return rk.from_arrays(data.features, data.labels, np.repeat(data.qids, data.list_sizes), feature_names=names)


@pytest.fixture
def parts():
    return rk.make_ranking(12, n_features=4, seed=0), rk.make_ranking(8, n_features=4, seed=1)


@pytest.mark.parametrize("objective", [own_loss, rk.Objective(own_loss), rk.ranknet_loss])
def test_a_module_and_a_function_of_ones_own_train_and_evaluate(parts, objective):
    scorer = Own()
    history = rk.fit(scorer, objective, *parts, epochs=2)
    assert history.best_value == rk.evaluate(scorer, parts[1], ["ndcg@10"]).means["ndcg@10"]
    assert rk.predict(scorer, parts[1]).shape == (parts[1].n_docs,)


def test_fit_teaches_the_scorer_the_names_of_its_features(parts, tmp_path):
    train, valid = (named(part, list("abcd")) for part in parts)
    scorer = rk.LinearScorer(4, seed=0)
    rk.fit(scorer, rk.ranknet_loss, train, valid, epochs=1)
    rk.save(scorer, tmp_path)
    with pytest.raises(rk.DataError, match="none named 'a' among e, b, c, d"):
        rk.predict(rk.load(tmp_path), named(parts[1], list("ebcd")))


def test_validation_data_without_a_feature_of_the_training_data_is_refused(parts):
    train, valid = named(parts[0], list("abcd")), named(parts[1], list("abde"))
    with pytest.raises(rk.DataError, match=r"fit: valid: .*none named 'c' among a, b, d, e"):
        rk.fit(rk.LinearScorer(4), rk.ranknet_loss, train, valid, epochs=1)


def test_patience_needs_validation_data(parts):
    with pytest.raises(rk.ConfigError, match="expected validation data with patience"):
        rk.fit(rk.LinearScorer(4), rk.ranknet_loss, parts[0], patience=1)
