"""What every scorer promises: scores that depend on what they may depend on, and a model that can be built again."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rankkit import bundle
from rankkit.data.synthetic import make_ranking
from rankkit.models.building import build
from rankkit.models.scorers import is_listwise, outputs_of, ranking_scores
from rankkit.models.scorers.calling import takes_offsets
from rankkit.objectives import cross_entropy_loss, listwide_softmax_loss, ordinal_loss, ranknet_loss
from rankkit.registry import find, name_of, register, unregister
from rankkit.testing.promises import Promise, check_all, expect, expect_near, expect_same
from rankkit.training import fit

N_FEATURES = 4
_CHECKED = "checked_by_rankkit_testing"


@dataclass(frozen=True)
class ScorerCase:
    """A class of scorers with options.

    Args:
        made: The class.
        options: What it is built with.
    """

    made: Callable[..., nn.Module]
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, seed: int | None = 0) -> Any:
        """A fresh one."""
        return build("scorer", self.made, N_FEATURES, **{**self.options, "seed": seed})

    def fitted(self) -> Any:
        """One whose transform, if it has any, has seen rows, in eval mode."""
        scorer = self.build()
        if hasattr(scorer, "transform"):
            scorer.transform.fit(*documents())
        return scorer.eval()


def documents(n_docs: int = 30, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Features ``[doc, 4]`` above 0 and the offsets of four queries, one of them empty."""
    drawn = torch.Generator().manual_seed(seed)
    features = torch.randn(n_docs, N_FEATURES, generator=drawn).exp()
    return features, torch.tensor([0, 1, 1, n_docs - 9, n_docs])


def scores_of(scorer: Any, features: Tensor, offsets: Tensor) -> Tensor:
    """The one score a document, without gradients."""
    with torch.no_grad():
        return ranking_scores(scorer, outputs_of(scorer, features, offsets))


def one_score_a_document_or_one_a_grade(case: ScorerCase) -> None:
    """``[doc]``, or ``[doc, n_outputs]``."""
    scorer = case.fitted()
    outputs = outputs_of(scorer, *documents())
    wanted = (30,) if scorer.n_outputs == 1 else (30, scorer.n_outputs)
    expect(outputs.shape == wanted, f"expected outputs of shape {wanted}, got {tuple(outputs.shape)}")
    expect(scores_of(scorer, *documents()).isfinite().all(), "expected finite scores")


def options_build_the_same_scorer_again(case: ScorerCase) -> None:
    """By way of JSON, as in a bundle."""
    scorer = case.fitted()
    again = build("scorer", case.made, **json.loads(json.dumps(scorer.options)))
    expect(again.options == scorer.options, f"expected the same options again, got {again.options}")
    again.load_state_dict(scorer.state_dict())
    expect_same(
        [scores_of(again.eval(), *documents(seed=1))],
        [scores_of(scorer, *documents(seed=1))],
        "expected the same scores of a scorer that is built again",
    )


def a_saved_scorer_scores_the_same(case: ScorerCase) -> None:
    """By way of a bundle."""
    scorer = case.fitted()
    with tempfile.TemporaryDirectory() as folder, known_by_name("scorer", case.made):
        bundle.save(scorer, Path(folder) / "bundle")
        loaded = bundle.load(Path(folder) / "bundle")
    expect(not loaded.training, "expected a loaded scorer in eval mode")
    expect_same([scores_of(loaded, *documents())], [scores_of(scorer, *documents())], "expected the same scores")


def a_seed_gives_the_same_weights(case: ScorerCase) -> None:
    """Another seed gives others, and torch's global generator stays as it was."""
    before = torch.random.get_rng_state()
    first, second, other = case.build(1), case.build(1), case.build(2)
    expect(torch.equal(before, torch.random.get_rng_state()), "expected torch's global generator left as it was")
    expect_same(first.state_dict().values(), second.state_dict().values(), "expected the same weights of one seed")
    weights = list(first.parameters())
    differ = any(not torch.equal(one, two) for one, two in zip(weights, other.parameters(), strict=True))
    expect(differ or not weights, "expected other weights of another seed")


def gradients_reach_every_weight(case: ScorerCase) -> None:
    """And are finite."""
    scorer = case.fitted().train()
    outputs_of(scorer, *documents()).square().sum().backward()
    for name, weight in scorer.named_parameters():
        slopes = weight.grad
        expect(slopes is not None and slopes.isfinite().all() and slopes.any(), f"expected a gradient for {name}")


def evaluation_draws_nothing(case: ScorerCase) -> None:
    """Dropout rests in eval mode, and what comes in is left as it is."""
    scorer, (features, offsets) = case.fitted(), documents()
    kept = features.clone()
    first, second = (scores_of(scorer, features, offsets) for _ in range(2))
    expect_same([first, features], [second, kept], "expected the same scores twice, and inputs left as they are")


def documents_are_scored_apart_unless_it_is_listwise(case: ScorerCase) -> None:
    """A query never matters to another; a document to another only where the scorer says so."""
    scorer, (features, offsets) = case.fitted(), documents()
    whole = scores_of(scorer, features, offsets)
    start = int(offsets[-2])
    last = scores_of(scorer, features[start:], torch.tensor([0, len(features) - start]))
    expect_near(last, whole[start:], "expected a query to be scored as it is alone", rtol=1e-4, atol=1e-5)
    if not is_listwise(scorer):
        alone = torch.cat([scores_of(scorer, row, torch.tensor([0, 1])) for row in features.split(1)])
        expect_near(alone, whole, "expected a document to be scored as it is alone", rtol=1e-4, atol=1e-5)


def missing_values_are_scored(case: ScorerCase) -> None:
    """NaN among the features gives a number, as exports and the service need it."""
    features, offsets = documents()
    features[::3, 1] = features[1] = torch.nan
    expect(
        scores_of(case.fitted(), features, offsets).isfinite().all(), "expected finite scores where features are NaN"
    )


def it_can_be_traced(case: ScorerCase) -> None:
    """For any number of documents, as exports need it."""
    scorer = case.fitted()
    docs, ends = torch.export.Dim("docs", min=2), torch.export.Dim("ends", min=3)
    takes = ["features", "offsets"] if takes_offsets(scorer) else ["features"]
    shapes = ({0: docs}, {0: ends})[: len(takes)]
    program = torch.export.export(scorer, documents()[: len(takes)], dynamic_shapes=shapes)
    for n_docs in (12, 30, 61):
        given = documents(n_docs, seed=2)
        found = program.module()(*given[: len(takes)]).detach()
        expect_near(found, scorer(*given[: len(takes)]).detach(), "expected the same traced", rtol=1e-6, atol=1e-6)


def training_changes_it(case: ScorerCase) -> None:
    """By an objective for its outputs."""
    scorer, data = case.build(), make_ranking(20, n_features=N_FEATURES, seed=0)
    if scorer.n_outputs > 1:  # one a grade
        data = replace(data, labels=np.minimum(np.asarray(data.labels), scorer.n_outputs - 1))
    objectives = {
        None: ranknet_loss,
        "expected_grade": cross_entropy_loss,
        "sum_of_sigmoids": ordinal_loss,
        "first_output": listwide_softmax_loss,
    }
    before = [weight.detach().clone() for weight in scorer.parameters()]
    fit(scorer, objectives[scorer.readout], data, epochs=1, device="cpu", progress=False)
    changed = [not torch.equal(one, other) for one, other in zip(before, scorer.parameters(), strict=True)]
    expect(any(changed), "expected weights that training changes")


PROMISES: dict[str, Promise[ScorerCase]] = {
    check.__name__: check
    for check in (
        one_score_a_document_or_one_a_grade,
        options_build_the_same_scorer_again,
        a_saved_scorer_scores_the_same,
        a_seed_gives_the_same_weights,
        gradients_reach_every_weight,
        evaluation_draws_nothing,
        documents_are_scored_apart_unless_it_is_listwise,
        missing_values_are_scored,
        it_can_be_traced,
        training_changes_it,
    )
}


@contextmanager
def known_by_name(kind: str, made: Callable[..., nn.Module]) -> Iterator[None]:
    """Register a class for a while, unless it is, so that bundles of it can be saved and loaded."""
    if name_of(kind, made) is not None:
        yield
        return
    register(kind, _CHECKED, made)
    try:
        yield
    finally:
        unregister(kind, _CHECKED)


def check_scorer(scorer: str | Callable[..., nn.Module], **options: Any) -> None:
    """Check that a class of scorers keeps what training, evaluation, bundles and exports rely on.

    Args:
        scorer: The class, or its name in the registry.
        **options: What to build it with, besides ``n_features`` and ``seed``.

    Raises:
        AssertionError: If it breaks a promise; the message lists all that it breaks.
    """
    made = find("scorer", scorer) if isinstance(scorer, str) else scorer
    check_all(getattr(made, "__name__", str(made)), PROMISES, ScorerCase(made, options))
