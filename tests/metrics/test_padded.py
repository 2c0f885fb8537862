"""Lists that are the top k of more, documents without a rank, and weights of documents."""

import inspect
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit import metrics
from rankkit.errors import DataError, ShapeError
from rankkit.metrics import arp, dcg, err, ndcg, opa, recall
from tests.oracles import metrics as oracle
from tests.oracles import similarity
from tests.oracles.metrics import ranked_labels

COUNTED = ("mrr", "average_precision", "precision", "recall", "hit_rate", "f1", "rbp", "err", "r_precision", "map_at_r")
JUDGED = ("ndcg", "opa", "bpref")
ORACLES = oracle.ORACLES | {
    "r_precision": lambda ranked, judged, **_: similarity.r_precision(*padded_ranking(ranked, judged)),
    "map_at_r": lambda ranked, judged, **_: similarity.map_at_r(*padded_ranking(ranked, judged)),
}
label = st.sampled_from([0.0, 0.0, 1.0, 2.0, 3.0])
documents = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0]), label), max_size=12)


def padded_ranking(ranked, judged):
    """The list with what it lacks behind it, nothing of it above R: R is that of all, and no later rank is relevant."""
    n_relevant = sum(one >= 1 for one in judged)
    lost = n_relevant - sum(one >= 1 for one in ranked)
    return [*ranked, *[0.0] * n_relevant, *[1.0] * lost], 1


def options_of(name):
    return {"max_label": 3.0} if name == "err" else {}


def totals(name, labels, relevant=lambda one: one >= 1):
    """What was judged, as the metric takes it: 9 and padding behind the labels."""
    if name in JUDGED:
        row = torch.tensor([[*labels, 9.0]])
        return {"judged_labels": row, "judged_mask": torch.tensor([[True] * len(labels) + [False]])}
    return {"n_relevant": torch.tensor([sum(map(relevant, labels))])}


def as_rows(pairs):
    """Scores and labels ``[1, list]``, with a padded place that would win."""
    rows = torch.tensor([[*pairs, (9.0, 3.0)]], dtype=torch.float64)
    return rows[..., 0], rows[..., 1], torch.tensor([[True] * len(pairs) + [False]])


@pytest.mark.parametrize("name", [*COUNTED, *JUDGED])
@given(found=documents, lost=st.lists(label, max_size=8), ties=st.sampled_from(["pessimistic", "stable"]))
@settings(max_examples=60, deadline=None)
def test_a_list_that_is_the_top_of_more(name, found, lost, ties):
    """Said by totals, or by documents with score -inf: the same, and what the loop over the definition gives."""
    metric, options = getattr(metrics, name), options_of(name)
    scores, labels = [score for score, _ in found], [one for _, one in found]
    judged = [*labels, *lost]
    above = (lambda one: one > 0) if name == "err" else (lambda one: one >= 1)
    value = metric(*as_rows(found), ties=ties, **totals(name, judged, above), **options).item()
    with_lost = [*found, *((-math.inf, one) for one in lost)]
    assert metric(*as_rows(with_lost), ties=ties, **options).item() == pytest.approx(value, nan_ok=True)
    wanted = ORACLES[name](ranked_labels(scores, labels, ties), judged=judged, **options)
    assert value == pytest.approx(wanted, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("name", [*COUNTED, *JUDGED])
def test_totals_that_say_what_the_list_says_change_nothing(name):
    scores, labels = torch.randint(0, 9, (50, 12)).float(), torch.randint(0, 4, (50, 12)).float()
    mask = torch.rand(50, 12) < 0.8
    least = 1e-9 if name == "err" else 1
    told = {"n_relevant": ((labels >= least) & mask).sum(dim=1)}
    if name in JUDGED:
        told = {"judged_labels": labels.flip(1), "judged_mask": mask.flip(1)}
    for ties in ("pessimistic", "expected", "stable"):
        plain = getattr(metrics, name)(scores, labels, mask, ties=ties)
        values = getattr(metrics, name)(scores, labels, mask, ties=ties, **told)
        torch.testing.assert_close(values, plain, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", [*COUNTED, *JUDGED])
def test_expected_with_totals_is_the_mean_over_all_orders(name):
    tied, labels, lost = torch.zeros(1, 4), (0.0, 1.0, 2.0, 1.0), (1.0, 0.0, 3.0)
    metric, options = getattr(metrics, name), options_of(name)
    above = (lambda one: one > 0) if name == "err" else (lambda one: one >= 1)
    told = totals(name, [*labels, *lost], above)
    value = metric(tied, torch.tensor([labels]), ties="expected", **told, **options).item()
    orders = list(itertools.permutations(labels))
    mean = math.fsum(ORACLES[name](list(order), judged=[*labels, *lost], **options) for order in orders) / len(orders)
    assert value == pytest.approx(mean, abs=1e-12)


def test_recall_of_a_truncated_list_is_not_one():
    scores, labels = torch.tensor([[3.0, 2.0]]), torch.tensor([[1.0, 1.0]])
    assert recall(scores, labels).item() == 1
    assert recall(scores, labels, n_relevant=torch.tensor([8])).item() == 2 / 8
    # Nothing found of what there is: 0, where nothing at all is relevant: NaN.
    none = torch.zeros(1, 2)
    assert recall(scores, none, n_relevant=torch.tensor([8])).item() == 0
    assert recall(scores, none, n_relevant=torch.tensor([0])).isnan()


def test_a_list_of_which_nothing_was_retrieved():
    nothing, labels = torch.full((1, 3), -math.inf), torch.tensor([[1.0, 0.0, 2.0]])
    for name in (*COUNTED, *JUDGED, "dcg"):
        assert getattr(metrics, name)(nothing, labels).item() == 0
    with pytest.raises(DataError, match=r"a rank of each document .*got 2 documents that were not retrieved"):
        arp(nothing, labels)
    # What has no relevance needs no rank.
    assert arp(torch.tensor([[0.0, -math.inf]]), torch.tensor([[1.0, 0.0]])).item() == 1


@pytest.mark.parametrize(
    ("name", "told", "error", "text"),
    [
        ("recall", {"n_relevant": torch.tensor([1])}, DataError, "got 1 for query 0, whose list holds 2 of them"),
        ("mrr", {"n_relevant": torch.tensor([0])}, DataError, "got 0 for query 0, whose list holds 2 of them"),
        ("recall", {"n_relevant": torch.tensor([2.5])}, DataError, "whole numbers of 0 or more"),
        ("recall", {"n_relevant": torch.tensor([2, 2])}, ShapeError, r"n_relevant \[1\]"),
        ("ndcg", {"judged_labels": torch.tensor([[3.0]])}, DataError, "got 1 for query 0, without some label of its"),
        ("ndcg", {"judged_labels": torch.tensor([[1.0, 1.0]])}, DataError, "without some label of its list of 2"),
        ("opa", {"judged_labels": torch.tensor([[-1.0, 3.0]])}, DataError, "judged labels of 0 or more; got -1 to 3"),
        ("ndcg", {"judged_labels": torch.zeros(2, 2)}, ShapeError, r"judged labels \[1, judged\]"),
        ("dcg", {"weights": torch.tensor([[1.0, -1.0]])}, DataError, "finite weights of 0 or more; got -1 to 1"),
        ("dcg", {"weights": torch.tensor([1.0])}, ShapeError, r"weights \[1, 2\], one a document"),
        (
            "ndcg",
            {"weights": torch.ones(1, 2), "judged_labels": torch.tensor([[2.0, 1.0, 1.0]])},
            DataError,
            "weights of all judged documents",
        ),
    ],
)
def test_totals_and_weights_that_cannot_be(name, told, error, text):
    # Unwrapped, so that the hook that checks types in tests does not answer first.
    with pytest.raises(error, match=text):
        inspect.unwrap(getattr(metrics, name))(torch.tensor([[2.0, 1.0]]), torch.tensor([[2.0, 1.0]]), **told)


weighted = st.lists(
    st.tuples(st.sampled_from([-math.inf, 0.0, 1.0, 2.0]), label, st.sampled_from([0.0, 0.5, 1.0, 7.0])),
    min_size=1,
    max_size=7,
)


@given(group=weighted, k=st.one_of(st.none(), st.integers(1, 8)))
@settings(max_examples=100, deadline=None)
def test_weights_of_documents(group, k):
    """Against loops over every order of the tied documents: the worst of them, and their mean."""
    columns = torch.tensor([group], dtype=torch.float64)
    scores, labels, weights = columns[..., 0], columns[..., 1], columns[..., 2]
    found = sorted({score for score, _, _ in group if score > -math.inf}, reverse=True)
    runs = [list(itertools.permutations([row for row in group if row[0] == score])) for score in found]
    orders = [[row for run in order for row in run] for order in itertools.product(*runs)]
    everything = [(2.0**y - 1) * w for _, y, w in group]
    pairs = [(y, w) for _, y, w in group]
    of_order = {
        dcg: lambda rows: oracle.weighted_dcg([(2.0**y - 1) * w for _, y, w in rows], k),
        ndcg: lambda rows: oracle.weighted_ndcg([(2.0**y - 1) * w for _, y, w in rows], everything, k),
        opa: lambda rows: oracle.weighted_opa([(y, w) for _, y, w in rows], pairs),
    }
    for metric, loop in of_order.items():
        cut = {} if metric is opa else {"k": k}
        values = [loop(rows) for rows in orders]
        worst = metric(scores, labels, weights=weights, **cut).item()
        mean = metric(scores, labels, weights=weights, ties="expected", **cut).item()
        assert worst == pytest.approx(min(values), abs=1e-12, nan_ok=True)
        assert mean == pytest.approx(math.fsum(values) / len(values), abs=1e-12, nan_ok=True)
        stable = [row for score in found for row in group if row[0] == score]
        value = metric(scores, labels, weights=weights, ties="stable", **cut).item()
        assert value == pytest.approx(loop(stable), abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("metric", [dcg, ndcg, opa, arp])
def test_weights_of_one_change_nothing_and_weights_of_padding_are_not_read(metric):
    scores, labels = torch.randint(0, 5, (30, 9)).float(), torch.randint(0, 4, (30, 9)).float()
    mask = torch.rand(30, 9) < 0.8
    for ties in ("pessimistic", "expected", "stable"):
        plain = metric(scores, labels, mask, ties=ties)
        ones = torch.ones(30, 9).masked_fill(~mask, math.nan)
        torch.testing.assert_close(metric(scores, labels, mask, weights=ones, ties=ties), plain, equal_nan=True)


def test_weights_of_arp_multiply_labels():
    scores, labels = torch.tensor([[3.0, 2.0, 2.0]]), torch.tensor([[1.0, 2.0, 1.0]])
    weights = torch.tensor([[1.0, 1.0, 4.0]])
    # Of the two tied the one of worth 4 comes last.
    assert arp(scores, labels, weights=weights).item() == pytest.approx((1 * 1 + 2 * 2 + 4 * 3) / (1 + 2 + 4))
    value = arp(scores, labels, weights=weights, ties="expected").item()
    assert value == pytest.approx((1 * 1 + 6 * 2.5) / (1 + 2 + 4))


def test_chances_of_satisfaction_by_table_or_as_labels():
    scores, labels = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[1.0, 0.0, 2.0]])
    table = {0: 0.0, 1: 0.4, 2: 0.9}
    chances = [0.4, 0.0, 0.9]
    wanted = 0.4 + 0.6 * 0.9 / 3
    assert err(scores, labels, satisfaction=table).item() == pytest.approx(wanted)
    assert err(scores, torch.tensor([chances]), satisfaction="label").item() == pytest.approx(wanted)
    for given_labels, satisfaction in ((labels.tolist()[0], table), (chances, "label")):
        value = err(torch.zeros(1, 3), torch.tensor([given_labels]), satisfaction=satisfaction, ties="expected").item()
        mean = oracle.expected(oracle.err, [0.0] * 3, given_labels, satisfaction=satisfaction)
        assert value == pytest.approx(mean)
    with pytest.raises(DataError, match="chances of satisfaction up to 1; got 2"):
        err(scores, labels, satisfaction="label")
    with pytest.raises(DataError, match="labels that the table of satisfactions has"):
        err(scores, labels, satisfaction={0: 0, 1: 0.5})
