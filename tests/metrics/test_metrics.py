import inspect
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rankkit import metrics
from rankkit.data.batch import pad
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.metrics import (
    arp,
    average_precision,
    bpref,
    dcg,
    err,
    f1,
    hit_rate,
    mrr,
    ndcg,
    opa,
    precision,
    rbp,
    recall,
)
from rankkit.metrics.user_models import check_persistence
from rankkit.registry import METRICS as CATALOGUE
from rankkit.registry import METRICS as REGISTERED
from rankkit.testing.metrics import PROMISES, ListMetric
from tests.oracles.metrics import ORACLES, expected, ranked_labels

METRICS = {name: getattr(metrics, name) for name in ORACLES}
GRADED = ("dcg", "ndcg")
BINARY = ("mrr", "average_precision", "precision", "recall", "hit_rate", "f1", "rbp", "bpref")
WHOLE_LIST = ("bpref", "opa", "arp")
# A cost: the worst of all orders has the greatest value, and a document without a rank is refused.
LOWER_IS_BETTER = ("arp",)

# Few distinct scores, so that most lists have ties; sizes on both sides of the sort's change of method.
score = st.sampled_from([-math.inf, -1e4, -1.5, -0.0, 0.0, 1e-30, 0.25, 0.5, 3.0, 1e4, math.inf])
label = st.sampled_from([0.0, 0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0])


def lists(max_size, name="ndcg"):
    """Documents with a score and a label; of a metric that wants a rank for each, none with score -inf."""
    scores = score.filter(lambda value: value > -math.inf) if name in LOWER_IS_BETTER else score
    return st.lists(st.tuples(scores, label), min_size=1, max_size=max_size)


def options_of(name):
    if name in GRADED:
        discounts = ["log2", "reciprocal", lambda ranks: 1 / (3 + ranks)]
        return st.fixed_dictionaries(
            {"gain": st.sampled_from(["exp", "linear"]), "discount": st.sampled_from(discounts)}
        )
    if name == "average_precision":
        ideals = st.sampled_from(["judged", "reachable", "found"])
        return st.fixed_dictionaries({"relevant_from": st.sampled_from([0.5, 1.0, 2.0]), "ideal": ideals})
    if name == "rbp":
        return st.fixed_dictionaries({"p": st.sampled_from([0.1, 0.5, 0.95])})
    if name in BINARY:
        return st.fixed_dictionaries({"relevant_from": st.sampled_from([0.5, 1.0, 2.0])})
    return st.just({"max_label": 4.0} if name == "err" else {})


def cut(name, k):
    """The option k, for metrics that have it."""
    return {} if name in WHOLE_LIST else {"k": k}


def padded(groups, dtype=torch.float64):
    """Scores, labels, mask; the padding holds what would win if it were read."""
    sizes = [len(group) for group in groups]
    offsets = torch.tensor([0, *np.cumsum(sizes)])
    documents = torch.tensor([pair for group in groups for pair in group], dtype=torch.float64)
    scores, mask = pad(documents[:, 0].to(dtype), offsets, fill=1e9)
    labels, _ = pad(documents[:, 1], offsets, fill=4.0)
    return scores, labels, mask


@pytest.mark.parametrize("name", ORACLES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_equals_its_definition(name, data):
    groups = data.draw(st.lists(lists(60, name), min_size=1, max_size=4))
    k = data.draw(st.one_of(st.none(), st.integers(1, 70)))
    ties = data.draw(st.sampled_from(["pessimistic", "stable"]))
    options = data.draw(options_of(name))
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    values = METRICS[name](*padded(groups, dtype), **cut(name, k), ties=ties, **options)
    assert values.dtype == torch.float64
    for value, group in zip(values.tolist(), groups, strict=True):
        scores, labels = zip(*group, strict=True)
        ranked = ranked_labels(scores, labels, ties)
        assert value == pytest.approx(ORACLES[name](ranked, judged=labels, k=k, **options), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", ORACLES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_expected_is_the_mean_over_all_orders_of_tied_documents(name, data):
    scores = data.draw(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=6))
    labels = data.draw(st.lists(label, min_size=len(scores), max_size=len(scores)))
    k = data.draw(st.one_of(st.none(), st.integers(1, 7)))
    options = data.draw(options_of(name))
    value = METRICS[name](torch.tensor([scores]), torch.tensor([labels]), **cut(name, k), ties="expected", **options)
    assert value.item() == pytest.approx(expected(ORACLES[name], scores, labels, k=k, **options), abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize("size", [1, 24, 25, 300, 70_000])
def test_lists_of_every_size_are_sorted_right(name, size):
    if name == "opa" and size > 300:
        pytest.skip("the loop over all pairs takes too long")
    generator = np.random.default_rng(size)
    scores = generator.normal(size=size) * 10.0 ** generator.integers(-30, 30, size)
    labels = generator.choice([0.0, 1.0, 2.0, 3.0], size)
    labels[0] = 1
    options = {"max_label": 4.0} if name == "err" else {}
    value = METRICS[name](torch.from_numpy(scores[None]), torch.from_numpy(labels[None]), **cut(name, 100), **options)
    ranked = labels[np.argsort(-scores, kind="stable")].tolist()
    assert value.item() == pytest.approx(ORACLES[name](ranked, k=100, **options), rel=1e-12, abs=1e-9, nan_ok=size == 1)


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("name", REGISTERED)
def test_promise(name, promise):
    PROMISES[promise](ListMetric(REGISTERED[name]))


def test_lists_without_documents_are_undefined():
    for metric in METRICS.values():
        assert metric(torch.zeros(2, 0), torch.zeros(2, 0)).isnan().all()


def test_golden_values():
    scores, labels = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])
    assert ndcg(scores, labels).item() == pytest.approx((3 / math.log2(3) + 1 / 2) / (3 + 1 / math.log2(3)))
    assert ndcg(scores, labels).item() == pytest.approx(0.65900, abs=5e-6)
    assert ndcg(scores, labels, gain="linear").item() == pytest.approx(0.66967, abs=5e-6)
    assert average_precision(scores, labels).item() == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert mrr(scores, labels).item() == 1 / 2
    assert err(scores, labels).item() == pytest.approx(3 / 4 / 2 + 1 / 4 * 1 / 4 / 3)


@pytest.mark.parametrize(("ties", "value"), [("pessimistic", 1 / 2), ("expected", (1 + 1 / math.log2(3) + 1 / 2) / 3)])
def test_one_relevant_document_among_three_tied(ties, value):
    for labels in ([3.0, 0.0, 0.0], [0.0, 0.0, 3.0]):
        assert ndcg(torch.zeros(1, 3), torch.tensor([labels]), ties=ties).item() == pytest.approx(value, abs=1e-12)


def test_expected_ties_of_a_long_list_need_no_permutations():
    n, n_relevant = 2000, 700
    labels = torch.zeros(1, n)
    labels[0, :n_relevant] = 1
    ranks = range(1, n + 1)
    tied = {"ties": "expected"}
    assert precision(torch.zeros(1, n), labels, k=10, **tied).item() == pytest.approx(n_relevant / n)
    assert recall(torch.zeros(1, n), labels, k=10, **tied).item() == pytest.approx(10 / n)
    miss = math.comb(n - n_relevant, 10) / math.comb(n, 10)
    assert hit_rate(torch.zeros(1, n), labels, k=10, **tied).item() == pytest.approx(1 - miss)
    places = math.fsum(math.comb(n - j, n_relevant - 1) / math.comb(n, n_relevant) / j for j in range(1, 1302))
    assert mrr(torch.zeros(1, n), labels, **tied).item() == pytest.approx(places)
    discounts = math.fsum(1 / math.log2(1 + rank) for rank in ranks)
    assert dcg(torch.zeros(1, n), labels, **tied).item() == pytest.approx(n_relevant / n * discounts)


def test_expected_err_of_a_long_list_of_tied_documents_is_near_the_mean_over_shuffles():
    generator = np.random.default_rng(0)
    labels = generator.choice([0.0, 1.0, 4.0], 200, p=[0.9, 0.08, 0.02])
    shuffles = np.stack([generator.permutation(labels) for _ in range(20_000)])
    by_row = torch.arange(200.0).neg().expand(20_000, 200)
    sampled = err(by_row, torch.from_numpy(shuffles), max_label=4)
    value = err(torch.zeros(1, 200), torch.from_numpy(labels[None]), max_label=4, ties="expected").item()
    assert abs(value - sampled.mean().item()) < 5 * sampled.std().item() / math.sqrt(20_000)


@pytest.mark.parametrize("name", ORACLES)
def test_a_strictly_monotone_change_of_scores_changes_nothing(name):
    scores = torch.randn(20, 30, dtype=torch.float64).round(decimals=1)
    labels = torch.randint(0, 5, (20, 30)).double()
    for ties in ("pessimistic", "expected", "stable"):
        before = METRICS[name](scores, labels, **cut(name, 7), ties=ties)
        for changed in (scores.exp(), 1e4 * scores - 3, scores.pow(3)):
            assert torch.equal(METRICS[name](changed, labels, **cut(name, 7), ties=ties), before)


@pytest.mark.parametrize("name", ORACLES)
def test_the_order_of_documents_does_not_matter_without_ties(name):
    scores = torch.stack([torch.randperm(40) for _ in range(10)]).float()
    labels = torch.randint(0, 5, (10, 40)).float()
    shuffled = torch.randperm(40)
    for ties in ("pessimistic", "expected", "stable"):
        before = METRICS[name](scores, labels, **cut(name, 9), ties=ties)
        assert torch.equal(METRICS[name](scores[:, shuffled], labels[:, shuffled], **cut(name, 9), ties=ties), before)


@pytest.mark.parametrize("name", ORACLES)
def test_pessimistic_is_the_least_of_all_tie_orders_and_does_not_depend_on_row_order(name):
    scores, labels = torch.randint(0, 3, (200, 6)).float(), torch.randint(0, 4, (200, 6)).float()
    options = cut(name, 4) | ({"max_label": 3.0} if name == "err" else {})
    sign = -1 if name in LOWER_IS_BETTER else 1
    least = METRICS[name](scores, labels, **options)
    for _ in range(5):
        order = torch.randperm(6)
        some = METRICS[name](scores[:, order], labels[:, order], ties="stable", **options)
        assert not (sign * some < sign * least - 1e-12).any()
        assert torch.equal(
            METRICS[name](scores[:, order], labels[:, order], **options).nan_to_num(), least.nan_to_num()
        )


@pytest.mark.parametrize("name", ORACLES)
def test_a_query_without_a_relevant_document_is_undefined_and_dcg_is_zero(name):
    value = METRICS[name](torch.randn(1, 5), torch.zeros(1, 5), **cut(name, 3))
    assert value.item() == 0 if name == "dcg" else value.isnan().all()


def test_k_above_the_list_size_means_the_list_size_but_precision_divides_by_k():
    scores, labels = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])
    for metric in (dcg, ndcg, mrr, average_precision, recall, hit_rate, err):
        assert torch.equal(metric(scores, labels, k=50), metric(scores, labels))
    assert precision(scores, labels, k=50).item() == 2 / 50


def test_float32_scores_that_differ_are_not_tied():
    one = torch.tensor([1.0, 1.0 + 2**-23])
    assert mrr(one[None], torch.tensor([[0.0, 1.0]])).item() == 1
    assert mrr(one[None].double(), torch.tensor([[0.0, 1.0]])).item() == 1
    assert mrr(torch.tensor([[0.0, -0.0]]), torch.tensor([[0.0, 1.0]])).item() == 1 / 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_scores_and_whole_labels(dtype):
    scores = torch.tensor([[2.0, 1.0]], dtype=dtype, requires_grad=True)
    assert mrr(scores, torch.tensor([[0, 1]])).item() == 1 / 2


@pytest.mark.parametrize("name", ORACLES)
@pytest.mark.parametrize(
    ("scores", "labels", "options", "error", "text"),
    [
        ([[0.0, math.nan]], [[0.0, 1.0]], {}, DataError, r"{name}: expected a number .*NaN in query 0"),
        ([[0.0, 1.0]], [[0.0, -1.0]], {}, DataError, r"expected labels of 0 or more; got -1 in query 0"),
        ([[0.0, 1.0]], [[0.0, math.nan]], {}, DataError, r"expected labels of 0 or more; got nan"),
        ([[0.0, 1.0]], [[0.0, 1.0]], {"k": 0}, ConfigError, r"{name}: expected k to be 1 or more"),
        ([[0.0, 1.0]], [[0.0, 1.0]], {"ties": "random"}, ConfigError, r"expected ties .*'pessimistic'.*got 'random'"),
        ([[0.0, 1.0]], [[0.0]], {}, ShapeError, r"expected scores \[query, list\]"),
    ],
)
def test_errors(name, scores, labels, options, error, text):
    if "k" in options and name in WHOLE_LIST:
        pytest.skip("it has no k")
    metric = inspect.unwrap(METRICS[name])
    with pytest.raises(error, match=text.replace("{name}", name)):
        metric(torch.tensor(scores), torch.tensor(labels), **options)


@pytest.mark.parametrize(
    ("discount", "text"),
    [
        (lambda ranks: ranks, "do not rise from rank to rank; got 1 at rank 1 and 2 at the next"),
        (lambda ranks: -ranks, "a finite number of 0 or more for each of 2 ranks"),
        (lambda ranks: 1 / (ranks - 1), "a finite number of 0 or more"),
        (lambda ranks: ranks.sum(), "for each of 2 ranks"),
        ("cubic", "expected discount to be one of"),
    ],
)
def test_discounts_that_cannot_be(discount, text):
    for metric in (dcg, ndcg):
        with pytest.raises(ConfigError, match=text):
            inspect.unwrap(metric)(torch.zeros(1, 2), torch.ones(1, 2), discount=discount)


@pytest.mark.parametrize("p", [0, 1, -0.5, math.nan, True, "0.8"])
def test_persistence_between_0_and_1(p):
    with pytest.raises(ConfigError, match="rbp: expected p between 0 and 1"):
        inspect.unwrap(check_persistence)(p)


def test_golden_values_of_the_later_metrics():
    scores, labels = torch.tensor([[5.0, 4.0, 3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 0.0, 1.0, 0.0]])
    assert f1(scores, labels, k=2).item() == 2 * (1 / 2) * (1 / 2) / (1 / 2 + 1 / 2)
    assert rbp(scores, labels, p=0.5).item() == pytest.approx(0.5 * (0.5 + 0.5**3))
    # One of three others stands before the first relevant document, two before the second.
    assert bpref(scores, labels).item() == pytest.approx(((1 - 1 / 2) + (1 - 2 / 2)) / 2)
    assert opa(scores, labels).item() == pytest.approx((2 + 1 + 1) / (4 + 3))
    assert arp(scores, labels).item() == pytest.approx((2 * 2 + 1 * 4) / 3)
    assert average_precision(scores, labels, k=3, ideal="found").item() == 1 / 2
    assert average_precision(scores, labels, k=1, ideal="found").item() == 0


def test_ordered_pair_accuracy_of_two_grades_is_the_area_under_the_curve():
    generator = np.random.default_rng(0)
    labels, scores = generator.integers(0, 2, 400), generator.integers(0, 30, 400).astype(float)
    value = opa(torch.from_numpy(scores[None]), torch.from_numpy(labels[None]).double(), ties="expected").item()
    assert value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_every_metric_of_the_catalogue_is_here():
    here = {*METRICS.values(), metrics.r_precision, metrics.map_at_r}  # those at R have a file of their own
    assert set(CATALOGUE.values()) == here


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_docstring_says_what_is_its_own_and_no_more(name):
    text = inspect.getdoc(CATALOGUE[name])
    for part in (".. math::", "Args:", "Returns:", "Example:", "padding", "References:"):
        assert part in text
    assert "As in" not in text
    assert len(text.splitlines()) <= 42
    arguments = text.split("Args:")[1].split("Returns:")[0]
    for option in inspect.signature(CATALOGUE[name]).parameters:
        assert f"    {option}: " in arguments


def test_errors_of_options():
    scores, labels = torch.zeros(1, 2), torch.tensor([[5.0, 0.0]])
    with pytest.raises(ConfigError, match="gain"):
        inspect.unwrap(ndcg)(scores, labels, gain="cubic")
    with pytest.raises(DataError, match="gain='linear'"):
        ndcg(scores, 1000 * labels)
    assert ndcg(scores, 1000 * labels, gain="linear").item() == pytest.approx(1 / math.log2(3))
    with pytest.raises(DataError, match="max_label = 4; got 5"):
        err(scores, labels, max_label=4)
    with pytest.raises(ConfigError, match="max_label above 0"):
        err(scores, labels, max_label=0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_values_come_back_to_the_device_of_the_scores():
    scores, labels = torch.randn(4, 40), torch.randint(0, 3, (4, 40)).float()
    for metric in METRICS.values():
        there = metric(scores.cuda(), labels.cuda())
        assert there.is_cuda
        assert torch.equal(there.cpu(), metric(scores, labels))
