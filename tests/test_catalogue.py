"""What every entry of the catalogue promises; a new line there enrols its object here.

Objectives: padding, document order, batch neighbours, weights of one, half precision and extreme scores change nothing
that they should not.
"""

import inspect

import pytest
import torch

from rankkit.catalogue import OBJECTIVES, find
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives import Objective

# Exemptions, each set named by its reason.
TEACHES_FROM_ONE_GRADE = {
    "bce",
    "calibrated_softmax",
    "cross_entropy",
    "focal_bce",
    "hinge",
    "mse",
    "ordinal",
    "rmse",
}
DOCUMENTS_STAND_IN_THE_DENOMINATORS_OF_OTHERS = {
    "attention_rank",
    "calibrated_softmax",
    "kl",
    "kl_distillation",
    "listmle",
    "listnet",
    "p_listmle",
    "poly1_softmax",
    "rank_distil",
    "softmax",
    "unique_softmax",
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
}
DRAWS_ANEW_EACH_CALL = {"gumbel_approx_ndcg", "yeti", "yeti_rank", "listmle", "p_listmle", "rank_distil", "xe_ndcg"}
# The gradient is by definition not the derivative; tests/oracles/catalogue.py has it written out.
HOLDS_ITS_WEIGHTS_CONSTANT = {"circle"}
N_GRADES = 5
N_OUTPUTS = {"expected_grade": (N_GRADES,), "sum_of_sigmoids": (N_GRADES - 1,), None: ()}
every_objective = pytest.mark.parametrize("name", OBJECTIVES)


def scores_shape(name, *shape):
    return (*shape, *N_OUTPUTS[getattr(OBJECTIVES[name], "readout", None)])


def lists(name, n_queries=5, list_size=8, seed=0, dtype=torch.float64):
    """Scores as the objective takes them, grades 0..4 (at least two a list) and a ragged mask."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(scores_shape(name, n_queries, list_size), generator=generator, dtype=torch.float64).to(dtype)
    labels = torch.randint(0, N_GRADES, (n_queries, list_size), generator=generator).to(dtype)
    labels[:, 0], labels[:, 1] = 0, 2
    sizes = torch.randint(2, list_size + 1, (n_queries, 1), generator=generator)
    return scores, labels, torch.arange(list_size) < sizes


def loss_of(name, *given, **options):
    """The loss with torch's generator seeded, so that an objective that draws does so alike in every call."""
    torch.manual_seed(0)
    return OBJECTIVES[name](*given, **options)


def loss_and_gradient(name, scores, labels, mask=None, **options):
    scores = scores.detach().clone().requires_grad_()
    loss = loss_of(name, scores, labels, mask, **options)
    loss.sum().backward()
    return loss.detach(), scores.grad


def spread(mask, scores):
    """The mask with the axes of the scores."""
    return mask if scores.dim() == 2 else mask[..., None].expand_as(scores)


@pytest.mark.parametrize("junk", [torch.nan, 1e6, -torch.inf])
@every_objective
def test_padding_changes_neither_loss_nor_gradient(name, junk):
    scores, labels, mask = lists(name)
    expected = loss_and_gradient(name, scores, labels, mask)
    padded = spread(mask, scores)
    found = loss_and_gradient(
        name, scores.masked_fill(~padded, junk), labels.masked_fill(~mask, junk), mask, weights=torch.ones_like(labels)
    )
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])
    assert (found[1][~padded] == 0).all()


@every_objective
def test_junk_in_the_weights_of_padding_changes_nothing(name):
    scores, labels, mask = lists(name)
    weights = torch.rand_like(labels)
    expected = loss_and_gradient(name, scores, labels, mask, weights=weights)
    found = loss_and_gradient(name, scores, labels, mask, weights=weights.masked_fill(~mask, torch.nan))
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@every_objective
def test_longer_padding_changes_nothing(name):
    scores, labels, mask = lists(name)
    expected = loss_and_gradient(name, scores, labels, mask)
    more = 3
    wide = torch.cat([scores, scores[:, :more]], dim=1)
    found = loss_and_gradient(
        name,
        wide,
        torch.cat([labels, labels[:, :more]], dim=1),
        torch.cat([mask, torch.zeros_like(mask[:, :more])], dim=1),
    )
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1][:, :-more], expected[1], rtol=1e-12, atol=1e-15)


@every_objective
def test_a_batch_of_padding_only_has_finite_loss_and_zero_gradient(name):
    scores, labels, mask = lists(name)
    loss, gradient = loss_and_gradient(name, scores, labels, torch.zeros_like(mask))
    assert loss == 0
    assert (gradient == 0).all()


@pytest.mark.parametrize("shape", [(0, 4), (3, 0)])
@every_objective
def test_no_lists_and_empty_lists_cost_zero(name, shape):
    scores = torch.zeros(scores_shape(name, *shape))
    assert loss_of(name, scores, torch.zeros(shape)) == 0
    assert loss_of(name, scores, torch.zeros(shape), reduction="none").shape == shape[:1]


@pytest.mark.parametrize("grade", [0.0, 3.0])
@every_objective
def test_lists_of_one_grade(name, grade):
    scores, labels, mask = lists(name)
    loss, gradient = loss_and_gradient(name, scores, torch.full_like(labels, grade), mask)
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert name in TEACHES_FROM_ONE_GRADE or (loss == 0 and (gradient == 0).all())


@every_objective
def test_single_documents(name):
    scores, labels, _ = lists(name)
    loss, gradient = loss_and_gradient(name, scores[:, 1:2], labels[:, 1:2])
    assert loss.isfinite()
    assert gradient.isfinite().all()
    assert name in TEACHES_FROM_ONE_GRADE or (loss == 0 and (gradient == 0).all())


@every_objective
def test_a_list_that_cannot_teach_does_not_change_its_neighbour(name):
    scores, labels, mask = lists(name, n_queries=2)
    alone = loss_of(name, scores[:1], labels[:1], mask[:1])
    mask = torch.stack([mask[0], torch.zeros_like(mask[1])])
    torch.testing.assert_close(loss_of(name, scores, labels, mask), alone, rtol=1e-12, atol=0)
    if name not in TEACHES_FROM_ONE_GRADE:
        labels = torch.stack([labels[0], torch.zeros_like(labels[1])])
        mask = torch.stack([mask[0], torch.ones_like(mask[1])])
        torch.testing.assert_close(loss_of(name, scores, labels, mask), alone, rtol=1e-12, atol=0)


@every_objective
def test_the_mean_is_the_mean_of_the_lists(name):
    scores, labels, mask = lists(name)
    values = loss_of(name, scores, labels, mask, reduction="none")
    assert values.shape == (5,)
    torch.testing.assert_close(loss_of(name, scores, labels, mask), values.mean(), rtol=1e-12, atol=0)


@every_objective
def test_document_order_does_not_matter(name):
    if name in DRAWS_ANEW_EACH_CALL:
        pytest.skip("what is drawn goes by the place of a document")
    scores, labels, mask = lists(name)
    order = torch.randperm(labels.shape[1], generator=torch.Generator().manual_seed(1))
    expected = loss_and_gradient(name, scores, labels, mask)
    found = loss_and_gradient(name, scores[:, order], labels[:, order], mask[:, order])
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=0)
    torch.testing.assert_close(found[1], expected[1][:, order], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@every_objective
def test_scores_of_ten_thousand_stay_finite(name, dtype):
    scores, labels, mask = lists(name, list_size=40)
    loss, gradient = loss_and_gradient(name, (scores.sign() * 1e4).to(dtype), labels.to(dtype), mask)
    assert loss.isfinite()
    assert gradient.isfinite().all()


# Powers of ten up to which sums of scores, a ranking's worth, are numbers of the type.
LARGEST = {torch.float16: [6e4], torch.bfloat16: [6e4, 1e30], torch.float32: [1e10, 1e20, 1e30], torch.float64: [1e300]}


@pytest.mark.parametrize(("dtype", "size"), [(dtype, size) for dtype, sizes in LARGEST.items() for size in sizes])
@pytest.mark.parametrize("signs", ["both", "one document", "all alike"])
@every_objective
def test_scores_of_any_size_stay_finite(name, signs, dtype, size):
    scores, labels, mask = lists(name, list_size=12)
    if signs == "both":
        scores = scores.clamp(-1, 1)
    elif signs == "one document":
        scores = scores / size
        scores[:, 1] = 1
    else:
        scores = torch.ones_like(scores)
    loss, gradient = loss_and_gradient(name, (scores * size).to(dtype), labels.to(dtype), mask)
    assert loss.isfinite()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("gap", [1.0, 1e3])
@every_objective
def test_labels_of_thirty_stay_finite(name, gap):
    scores, labels, mask = lists(name, dtype=torch.float32)
    if scores.dim() == 2:  # objectives of several outputs have one for each grade
        labels = labels.masked_fill(labels == 4, 30)
    loss, gradient = loss_and_gradient(name, scores * gap, labels, mask)
    assert loss.isfinite()
    assert gradient.isfinite().all()


@every_objective
def test_gradcheck(name):
    if name in HOLDS_ITS_WEIGHTS_CONSTANT:
        pytest.skip("its weights move with the scores and carry no gradient")
    scores, labels, mask = lists(name, n_queries=2, list_size=4)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: loss_of(name, s, labels, mask), (scores,))


@every_objective
def test_weights_of_one_change_nothing(name):
    scores, labels, mask = lists(name)
    expected = loss_and_gradient(name, scores, labels, mask)
    for shape in ((5,), (5, 8)):
        found = loss_and_gradient(name, scores, labels, mask, weights=torch.ones(shape))
        assert torch.equal(found[0], expected[0])
        assert torch.equal(found[1], expected[1])


@every_objective
def test_query_weights_multiply_their_lists(name):
    scores, labels, mask = lists(name)
    weights = torch.tensor([0.0, 0.5, 1.0, 2.0, 7.0], dtype=torch.float64)
    values = loss_of(name, scores, labels, mask, reduction="none")
    found = loss_of(name, scores, labels, mask, weights=weights)
    torch.testing.assert_close(found, (weights * values).mean(), rtol=1e-12, atol=0)


@every_objective
def test_a_document_of_weight_zero_gets_no_gradient(name):
    scores, labels, mask = lists(name, n_queries=1)
    if name in DOCUMENTS_STAND_IN_THE_DENOMINATORS_OF_OTHERS:
        pytest.skip("a document also stands in the denominators of the others")
    if name in DOCUMENTS_STAND_IN_THE_RANKS_OF_OTHERS:
        pytest.skip("a document also moves the ranks of the others")
    weights = torch.ones_like(labels)
    weights[0, 1] = 0
    assert (loss_and_gradient(name, scores, labels, mask, weights=weights)[1][0, 1] == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@every_objective
def test_half_precision_is_computed_in_float32(name, dtype):
    scores, labels, mask = lists(name, dtype=dtype)
    loss, gradient = loss_and_gradient(name, scores, labels, mask)
    expected = loss_and_gradient(name, scores.float(), labels.float(), mask)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, expected[0])
    assert torch.equal(gradient, expected[1].to(dtype))


@every_objective
def test_autocast_changes_nothing(name):
    scores, labels, mask = lists(name, dtype=torch.float32)
    expected = loss_and_gradient(name, scores, labels, mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = loss_and_gradient(name, scores, labels, mask)
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


@every_objective
def test_inputs_stay_as_they_are(name):
    given = (*lists(name), torch.rand(5, 8))
    kept = [tensor.clone() for tensor in given]
    loss_and_gradient(name, *given[:3], weights=given[3])
    assert all(torch.equal(a, b) for a, b in zip(given, kept, strict=True))


@every_objective
def test_the_same_call_gives_the_same_bits(name):
    given = lists(name, n_queries=9, list_size=50, dtype=torch.float32)
    first, second = (loss_and_gradient(name, *given) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


@every_objective
def test_shapes_that_do_not_belong_together(name):
    scores, labels, mask = lists(name)
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
def test_a_step_against_the_gradient_lowers_the_loss(name):
    scores, labels, mask = lists(name)
    loss, gradient = loss_and_gradient(name, scores, labels, mask)
    assert loss_of(name, scores - 1e-3 * gradient, labels, mask) < loss


@every_objective
def test_it_goes_into_the_module_under_its_name(name):
    given = lists(name)
    objective = Objective(OBJECTIVES[name])
    assert repr(objective) == f"Objective({name}_loss)"
    torch.manual_seed(0)
    assert torch.equal(objective(*given), loss_of(name, *given))
    assert find("objective", name) is OBJECTIVES[name]


def test_an_unknown_name_is_told_the_nearest():
    with pytest.raises(ConfigError, match=r"got 'ranknett'\. Did you mean 'ranknet'"):
        find("objective", "ranknett")
