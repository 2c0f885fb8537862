"""Every option of the pointwise, listwise and distillation objectives against its slow loop, on drawn lists."""

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.objectives import (
    attention_rank_loss,
    calibrated_softmax_loss,
    focal_bce_loss,
    group_quantile_loss,
    kl_distillation_loss,
    kl_loss,
    listmle_loss,
    listnet_loss,
    ordinal_loss,
    p_listmle_loss,
    poly1_softmax_loss,
    query_cross_entropy_loss,
    rank_cosine_loss,
    rank_distil_loss,
    rmse_loss,
    softmax_loss,
    unique_softmax_loss,
    wass_rank_loss,
    xe_ndcg_loss,
)
from tests.oracles import distillation, listwise, objectives, pointwise


def tempered(slow, temperature=1.0, **options):
    """An oracle without a temperature, given scores that are divided already."""
    return functools.partial(
        lambda scores, labels, **more: slow([s / temperature for s in scores], labels, **more), **options
    )


CASES = [
    (rmse_loss, pointwise.rmse, {}),
    (focal_bce_loss, pointwise.focal_bce, {}),
    (focal_bce_loss, pointwise.focal_bce, {"gamma": 0.5, "alpha": None, "relevant_from": 2.0}),
    (ordinal_loss, pointwise.ordinal, {}),
    (listnet_loss, tempered(objectives.listnet, 0.5), {"temperature": 0.5}),
    (softmax_loss, tempered(objectives.softmax, 2.0, normalize=False), {"temperature": 2.0, "normalize": False}),
    (kl_loss, listwise.kl, {}),
    (kl_loss, listwise.kl, {"target": "sum", "temperature": 3.0}),
    (poly1_softmax_loss, listwise.poly1_softmax, {}),
    (poly1_softmax_loss, listwise.poly1_softmax, {"epsilon": -0.5, "normalize": False, "temperature": 0.7}),
    (unique_softmax_loss, listwise.unique_softmax, {}),
    (unique_softmax_loss, listwise.unique_softmax, {"gain": "linear", "temperature": 0.3}),
    (calibrated_softmax_loss, listwise.calibrated_softmax, {}),
    (calibrated_softmax_loss, listwise.calibrated_softmax, {"anchor_label": 0.25, "temperature": 2.0}),
    (query_cross_entropy_loss, pointwise.query_cross_entropy, {}),
    (query_cross_entropy_loss, pointwise.query_cross_entropy, {"alpha": 1.0, "max_label": 4.0}),
    (query_cross_entropy_loss, pointwise.query_cross_entropy, {"alpha": 0.3, "relevant_from": 3.0}),
    (attention_rank_loss, listwise.attention_rank, {}),
    (attention_rank_loss, listwise.attention_rank, {"temperature": 4.0}),
    (rank_cosine_loss, listwise.rank_cosine, {}),
    (group_quantile_loss, pointwise.group_quantile, {}),
    (group_quantile_loss, pointwise.group_quantile, {"alpha": 0.8}),
    (wass_rank_loss, listwise.wass_rank, {}),
    (wass_rank_loss, listwise.wass_rank, {"gap": 1.0, "same_grade": 0.0, "epsilon": 0.5, "n_iterations": 3}),
    (wass_rank_loss, listwise.wass_rank, {"gain_base": 2.0, "epsilon": 1.0}),
    (kl_distillation_loss, distillation.kl_distillation, {"temperature": 2.5}),
]
# The name of the oracle's argument for what was drawn, and options.
DRAWING = [
    (xe_ndcg_loss, listwise.xe_ndcg, "gamma", {"temperature": 0.5}),
    (listmle_loss, listwise.listmle, "drawn", {"temperature": 2.0}),
    (p_listmle_loss, listwise.p_listmle, "drawn", {}),
    (p_listmle_loss, listwise.p_listmle, "drawn", {"position_weight": "discount", "temperature": 0.5}),
    (rank_distil_loss, distillation.rank_distil, "exponentials", {"k": 2, "n_samples": 3}),
    (rank_distil_loss, distillation.rank_distil, "exponentials", {"n_samples": 5, "temperature": 2.0}),
]
N_THRESHOLDS = 4

documents = st.lists(
    st.tuples(st.floats(-8, 8, width=32), st.integers(0, 4), st.floats(0.5, 2, width=32)), min_size=2, max_size=7
).filter(lambda docs: len({label for _, label, _ in docs}) > 1 and any(abs(score) > 0.1 for score, _, _ in docs))
batches = st.lists(documents, min_size=1, max_size=3)


def padded(lists):
    """Scores, labels, document weights and mask of ``[query, list]``."""
    size = max(map(len, lists)) + 1
    columns = torch.zeros(3, len(lists), size, dtype=torch.float64)
    mask = torch.zeros(len(lists), size, dtype=torch.bool)
    for query, docs in enumerate(lists):
        columns[:, query, : len(docs)] = torch.tensor(docs, dtype=torch.float64).T
        mask[query, : len(docs)] = True
    return (*columns, mask)


def check(objective, slow_of_list, lists, options, outputs=None):
    scores, labels, weights, mask = padded(lists)
    scores = scores if outputs is None else scores[..., None] + torch.linspace(1, -1, outputs, dtype=torch.float64)
    scores.requires_grad_()
    values = objective(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query, docs in enumerate(lists):
        n = len(docs)
        given_scores, grades = scores[query, :n].tolist(), labels[query, :n].tolist()
        slow = functools.partial(slow_of_list(query), weights=weights[query, :n].tolist())
        assert values[query].item() == pytest.approx(slow(given_scores, grades), rel=1e-10, abs=1e-12)
        if outputs is None:
            slopes = objectives.slopes(slow, given_scores, grades)
            assert scores.grad[query, :n].tolist() == pytest.approx(slopes, rel=1e-6, abs=1e-7)
    assert (scores.grad[~mask] == 0).all()


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
@settings(max_examples=12, deadline=None)
@given(lists=batches)
def test_values_and_gradients(objective, slow, options, lists):
    plain = isinstance(slow, functools.partial)
    outputs = N_THRESHOLDS if hasattr(objective, "readout") else None
    check(objective, lambda query: slow if plain else functools.partial(slow, **options), lists, options, outputs)


@pytest.mark.parametrize(("objective", "slow", "argument", "options"), DRAWING)
@settings(max_examples=12, deadline=None)
@given(lists=batches, seed=st.integers(0, 99))
def test_values_and_gradients_for_what_was_drawn(objective, slow, argument, options, lists, seed):
    numbers = torch.Generator().manual_seed(seed)
    sizes = [len(docs) for docs in lists]
    if argument == "exponentials":
        shape = (sum(sizes), options["n_samples"])
        drawn = torch.empty(shape, dtype=torch.float64).exponential_(generator=numbers).split(sizes)
    else:
        drawn = torch.rand(sum(sizes), dtype=torch.float64, generator=numbers).split(sizes)
    given_options = {**options, "generator": torch.Generator().manual_seed(seed)}
    check(
        objective,
        lambda query: functools.partial(slow, **options, **{argument: drawn[query].tolist()}),
        lists,
        given_options,
    )
