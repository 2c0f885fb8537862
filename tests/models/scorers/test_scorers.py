"""What all scorers have, LinearScorer, and readouts."""

import numpy as np
import pytest
import torch

from rankkit.data.columns.kinds import Bag, Category, Number
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.models.scorers import LinearScorer, MLPScorer, ranking_scores
from rankkit.registry import SCORERS
from rankkit.testing.scorers import PROMISES, ScorerCase

SCHEMA = Schema(
    (Number("x"), Category("brand", vocabulary=("elm", "oak")), Bag("tags", places=2, vocabulary=("a", "b", "c")))
).to_dict()
VARIANTS = [
    ("linear", {"schema": SCHEMA, "missing_indicators": True}),
    ("linear", {"schema": SCHEMA, "n_outputs": 3, "readout": "sum_of_sigmoids", "tied_outputs": True}),
    ("mlp", {"schema": SCHEMA, "hidden": (8,), "missing_indicators": True}),
    ("mlp", {"schema": SCHEMA, "hidden": (8,), "embedding_size": 2, "n_outputs": 3}),
    ("linear", {}),
    ("linear", {"transform": "piecewise:3", "bias": False, "n_outputs": 3}),
    ("linear", {"n_outputs": 3, "readout": "first_output"}),
    ("linear", {"transform": "query_minmax"}),
    ("linear", {"context": "z+rank+share+gap"}),
    ("mlp", {}),
    (
        "mlp",
        {"hidden": (8, 8, 5), "activation": "gelu", "dropout": 0.5, "normalization": "layer", "residual": True},
    ),
    (
        "mlp",
        {"hidden": (8, 6), "normalization": "batch", "transform": ["log1p+standardize", "query_standardize"]},
    ),
    ("mlp", {"hidden": (), "transform": "quantile", "n_outputs": 3}),
    ("attention", {}),
    ("attention", {"schema": SCHEMA, "hidden": (8,), "n_outputs": 3, "context": "rank"}),
    ("attention", {"hidden": (), "n_heads": 1, "n_blocks": 1, "inducing": 3, "transform": "quantile"}),
    ("dasalc", {}),
    ("dasalc", {"schema": SCHEMA, "hidden": (8,), "n_blocks": 1, "head_size": 4, "n_outputs": 3, "context": "z"}),
    ("tabm", {}),
    ("tabm", {"schema": SCHEMA, "hidden": (8, 6), "n_members": 3, "n_outputs": 3, "activation": "gelu"}),
    ("tabm", {"hidden": (), "n_members": 2, "transform": "quantile", "context": "z"}),
    ("additive", {}),
    ("additive", {"schema": SCHEMA, "hidden": (5,), "n_outputs": 3, "dropout": 0.5, "missing_indicators": True}),
    ("additive", {"hidden": (), "transform": ["piecewise:3", "quantile"], "context": "z+rank"}),
    ("dcn", {}),
    ("dcn", {"schema": SCHEMA, "hidden": (8,), "rank": 2, "n_outputs": 3}),
    ("dcn", {"hidden": (8,), "structure": "stacked", "n_outputs": 3, "readout": "sum_of_sigmoids", "context": "z"}),
]


def batch(n_docs=30, seed=0):
    features = torch.from_numpy(np.random.default_rng(seed).lognormal(size=(n_docs, 4)).astype(np.float32))
    return features, torch.tensor([0, 1, 1, n_docs - 9, n_docs])


def test_every_scorer_of_the_registry_is_tried():
    assert {name for name, _ in VARIANTS} == set(SCORERS)


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=str)
def test_promise(name, options, promise):
    PROMISES[promise](ScorerCase(SCORERS[name], options))


def test_export_of_the_ranking_score():
    class Ranked(torch.nn.Module):
        def __init__(self, scorer):
            super().__init__()
            self.scorer = scorer

        def forward(self, features, offsets):
            return ranking_scores(self.scorer, self.scorer(features, offsets))

    ranked = Ranked(MLPScorer(4, hidden=(8,), transform="none", n_outputs=3, seed=0)).eval()
    program = torch.export.export(ranked, batch(), dynamic_shapes=({0: torch.export.Dim("docs", min=2)}, None))
    features, offsets = batch(50)
    torch.testing.assert_close(program.module()(features, offsets), ranked(features, offsets))


def test_expected_grade():
    scorer = LinearScorer(1, transform="none", n_outputs=3)
    logits = torch.tensor([[0.0, 0.0, torch.tensor(2.0).log()]])
    torch.testing.assert_close(ranking_scores(scorer, logits), torch.tensor([(0 + 1 + 2 * 2) / 4]))


@pytest.mark.parametrize("kind", SCORERS.values())
def test_a_seed_gives_the_same_weights_and_leaves_the_global_generator_alone(kind):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = kind(4, seed=1)
    assert torch.equal(torch.rand(3), expected)
    torch.rand(10)
    second, other = kind(4, seed=1), kind(4, seed=2)
    for one, same in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(one, same)
    assert not torch.equal(first.output.weight, other.output.weight)
    torch.manual_seed(1)
    assert torch.equal(kind(4).output.weight, first.output.weight)


def test_linear_weights_have_names():
    scorer = LinearScorer(2, transform="standardize", bias=False, seed=0)
    assert list(scorer.weights) == ["standardize(1)", "standardize(2)"]
    scorer.transform.fit(torch.tensor([[0.0, 0.0], [2.0, 2.0]]), torch.tensor([0, 2]))
    scorer.feature_names = ("bm25", "clicks")
    score = scorer(torch.tensor([[2.0, 0.0]]), torch.tensor([0, 1])).item()
    assert score == pytest.approx(scorer.weights["standardize(bm25)"] - scorer.weights["standardize(clicks)"])
    assert [len(weights) for weights in LinearScorer(2, transform="none", n_outputs=3).weights.values()] == [3, 3]


def test_repr_says_what_it_was_built_with():
    expected = (
        "LinearScorer(n_features=3, transform='none', n_outputs=1, readout=None, tied_outputs=False, bias=True, "
        "seed=None)"
    )
    assert repr(LinearScorer(3, transform="none")) == expected


@pytest.mark.parametrize("kind", [LinearScorer, MLPScorer])
def test_tied_outputs_differ_by_constants(kind):
    scorer = kind(3, transform="none", n_outputs=4, readout="sum_of_sigmoids", tied_outputs=True, seed=0).eval()
    with torch.no_grad():
        scorer.output.bias.copy_(torch.tensor([2.0, 1.0, 0.0, -1.0]))
    outputs = scorer(torch.randn(6, 3), torch.tensor([0, 6]))
    assert outputs.shape == (6, 4)
    torch.testing.assert_close(outputs[:, :-1] - outputs[:, 1:], torch.ones(6, 3))
    assert torch.equal(ranking_scores(scorer, outputs), outputs.sigmoid().sum(1))
    twin = kind(**scorer.options)
    twin.load_state_dict(scorer.state_dict())
    assert torch.equal(
        twin.eval()(torch.ones(1, 3), torch.tensor([0, 1])), scorer(torch.ones(1, 3), torch.tensor([0, 1]))
    )
    if kind is LinearScorer:
        assert all(isinstance(weight, float) for weight in scorer.weights.values())


def test_free_outputs_of_an_ordinal_scorer_may_cross():
    scorer = LinearScorer(3, transform="none", n_outputs=4, readout="sum_of_sigmoids", seed=0)
    outputs = scorer(torch.randn(50, 3), torch.tensor([0, 50]))
    assert not (outputs[:, :-1] >= outputs[:, 1:]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"n_outputs": 3, "tied_outputs": True},
            "for tied_outputs; got 3 output(s), read as 'expected_grade'. Leave tied_outputs out.",
        ),
        ({"tied_outputs": True}, "got 1 output(s), read as None."),
        ({"activation": "relU6"}, "got 'relU6'. Did you mean 'relu'?"),
        ({"normalization": "layr"}, "got 'layr'. Did you mean 'layer'?"),
        ({"transform": "standardise"}, "Did you mean 'standardize'?"),
        ({"hidden": 256}, "got 256. Pass a list: [256]."),
        ({"hidden": (0,)}, "got 0. Pass a whole number."),
        ({"hidden": (8, 4), "residual": True}, "expected two neighbouring hidden layers of one width"),
        ({"dropout": 1.0}, "expected dropout from 0 to below 1; got 1.0"),
        ({"n_outputs": 0}, "expected n_outputs of at least 1; got 0"),
        ({"n_features": 2.5}, "expected n_features of at least 1; got 2.5"),
        ({"readout": "expected_grade"}, "expected no readout for one output"),
        ({"n_outputs": 3, "readout": "expected_grades"}, "Did you mean 'expected_grade'?"),
    ],
)
def test_an_option_that_cannot_work(options, message):
    with pytest.raises(ConfigError) as error:
        MLPScorer(**{"n_features": 3, **options})
    assert message in str(error.value)


def test_an_unfitted_scorer_says_what_to_call():
    with pytest.raises(ConfigError, match=r"Call rankkit\.fit, or scorer\.transform\.fit\(features, offsets\)\."):
        MLPScorer(4, seed=0)(*batch())
