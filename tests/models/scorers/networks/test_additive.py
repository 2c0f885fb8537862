"""AdditiveScorer: a network a column by a slow loop, and what a column may see."""

import numpy as np
import pytest
import torch

from rankkit.data.columns.kinds import Bag, Category, Number, Vector
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.scorers import AdditiveScorer
from tests.oracles import networks as oracle

OFFSETS = torch.tensor([0, 2, 6])


@pytest.mark.parametrize("hidden", [(), (5,), (5, 3)])
def test_the_score_is_the_sum_of_what_each_feature_adds(hidden):
    scorer = AdditiveScorer(4, hidden, transform="none", seed=0).double().eval()
    with torch.no_grad():
        scorer.bias.fill_(0.5)
    features = torch.randn(6, 4, dtype=torch.float64)
    expected = np.array(oracle.additive(scorer, features))
    np.testing.assert_allclose(scorer.contributions(features, OFFSETS).detach(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(scorer(features, OFFSETS).detach(), expected.sum(axis=1) + 0.5, rtol=1e-12, atol=1e-12)


SCHEMA = Schema(
    (
        Number("x"),
        Category("brand", vocabulary=("elm", "oak")),
        Vector("place", size=2),
        Bag("tags", places=2, vocabulary=("a", "b", "c")),
        Number("y"),
    )
)


@pytest.mark.parametrize("options", [{}, {"missing_indicators": True}, {"n_outputs": 3}])
def test_each_column_of_a_schema_adds_by_itself(options):
    scorer = AdditiveScorer(7, (5,), schema=SCHEMA.to_dict(), seed=0, **options)
    rows = np.random.default_rng(0).lognormal(size=(40, 7)).astype(np.float32)
    for codes in (1, 4, 5):
        rows[:, codes] = np.random.default_rng(codes).integers(0, 2, 40)
    rows[::5, 6] = np.nan
    scorer.transform.fit(rows, np.array([0, 40]))
    for table in scorer.transform.codes:
        torch.nn.init.normal_(table.weight)
    scorer.eval()
    features = torch.from_numpy(rows[:6])
    before = scorer.contributions(features, OFFSETS)
    for column, span in enumerate(SCHEMA.spans.values()):
        other = features.clone()
        other[:, span] = torch.from_numpy(rows[10:16, span]) * (1 if column in (1, 3) else 0.3)
        changed = (scorer.contributions(other, OFFSETS) != before).reshape(6, 5, -1).any(dim=2).any(dim=0)
        assert changed.nonzero()[:, 0].tolist() == [column]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": "16"}, "AdditiveScorer: expected the widths of the hidden layers; got '16'"),
        ({"activation": "relu6"}, "AdditiveScorer: expected the name of an activation; got 'relu6'"),
        ({"dropout": 1}, "AdditiveScorer: expected dropout from 0 to below 1; got 1"),
    ],
)
def test_an_option_that_cannot_work(options, message):
    with pytest.raises(ConfigError) as error:
        AdditiveScorer(3, **options)
    assert message in str(error.value)
