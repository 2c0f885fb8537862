"""Every objective of the registry keeps the promises of rankkit.testing; a new line there enrols its object here."""

import inspect

import pytest
import torch

from rankkit.errors import ShapeError
from rankkit.objectives import Objective
from rankkit.registry import OBJECTIVES, find
from rankkit.testing import check_objective
from rankkit.testing.objectives import PROMISES, ListObjective

# Exemptions, each set named by its reason.
TEACHES_FROM_ONE_GRADE = {
    "bce",
    "calibrated_softmax",
    "cross_entropy",
    "focal_bce",
    "hinge",
    "listwide_softmax",
    "mse",
    "ordinal",
    "query_cross_entropy",
    "rmse",
}
DOCUMENTS_STAND_IN_THE_DENOMINATORS_OF_OTHERS = {
    "attention_rank",
    "calibrated_softmax",
    "group_quantile",
    "gumbel_listnet",
    "kl",
    "kl_distillation",
    "listmle",
    "lambda_softmax",
    "listnet",
    "listwide_softmax",
    "p_listmle",
    "poly1_softmax",
    "query_cross_entropy",
    "rank_distil",
    "softmax",
    "unique_softmax",
    "wass_rank",
    "xe_ndcg",
}
DOCUMENTS_STAND_IN_THE_RANKS_OF_OTHERS = {
    "approx_map",
    "approx_mrr",
    "approx_ndcg",
    "approx_precision",
    "bound_ndcg",
    "gumbel_approx_ndcg",
    "neural_ndcg",
    "neural_sort",
    "pirank",
    "softrank_ndcg",
    "stochastic_rank",
}
DRAWS_ANEW_EACH_CALL = {
    "gumbel_approx_ndcg",
    "gumbel_listnet",
    "stochastic_rank",
    "yeti",
    "yeti_rank",
    "listmle",
    "p_listmle",
    "rank_distil",
    "xe_ndcg",
}
# The gradient is by definition not the derivative; tests/oracles/catalogue.py has it written out.
HOLDS_ITS_WEIGHTS_CONSTANT = {"circle", "graded_circle"}
ESTIMATES_ITS_GRADIENT = {"stochastic_rank"}
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def case_of(name):
    return ListObjective(
        OBJECTIVES[name],
        teaches_from_one_grade=name in TEACHES_FROM_ONE_GRADE,
        draws=name in DRAWS_ANEW_EACH_CALL,
        documents_are_apart=name
        not in DOCUMENTS_STAND_IN_THE_DENOMINATORS_OF_OTHERS | DOCUMENTS_STAND_IN_THE_RANKS_OF_OTHERS,
        slopes_are_exact=name not in HOLDS_ITS_WEIGHTS_CONSTANT | ESTIMATES_ITS_GRADIENT,
    )


@pytest.mark.parametrize("promise", PROMISES)
@every_objective
def test_promise(name, promise):
    PROMISES[promise](case_of(name))


@every_objective
def test_shapes_that_do_not_belong_together(name):
    scores, labels, mask = case_of(name).lists()
    objective = inspect.unwrap(OBJECTIVES[name])
    for wrong in (
        (scores, labels[0], None),
        (scores, labels[:, :1], None),
        (scores, labels, mask[:, :1]),
        (scores, labels, mask.float()),
        (scores[..., None], labels, mask),
    ):
        with pytest.raises(ShapeError, match=rf"^{name}_loss: expected"):
            objective(*wrong)
    with pytest.raises(ShapeError, match=rf"^{name}_loss: expected weights"):
        objective(scores, labels, mask, weights=torch.ones(2))


@every_objective
def test_it_goes_into_the_module_under_its_name(name):
    given = case_of(name).lists()
    objective = Objective(OBJECTIVES[name])
    assert repr(objective) == f"Objective({name}_loss)"
    torch.manual_seed(0)
    assert torch.equal(objective(*given), case_of(name).loss(*given))
    assert find("objective", name) is OBJECTIVES[name]


@pytest.mark.parametrize(
    ("broken", "promise"),
    [
        (lambda s, y, m: (s - y).square().mean(), "longer padding changes nothing"),
        (lambda s, y, m: ((s - y).square() * m).sum(), "padding changes neither loss nor gradient"),
        (lambda s, y, m: (s * torch.arange(s.shape[1]) * m).sum(), "document order does not matter"),
        (lambda s, y, m: s.masked_fill_(~m, 0).square().mean(), "inputs stay as they are"),
    ],
)
def test_a_broken_promise_is_told(broken, promise):
    with pytest.raises(AssertionError, match=promise):
        check_objective(broken)


def test_objectives_of_both_kinds_are_checked():
    check_objective(OBJECTIVES["ranknet"])
    check_objective(find("embedding objective", "supcon"))
    with pytest.raises(AssertionError, match="an empty batch costs nothing"):
        check_objective(Unsound())


class Unsound:
    takes = "pairs"

    def __call__(self, x, y, *, same):
        return (x - y).square().sum(1)[same].mean()
