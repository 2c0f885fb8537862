"""AttentionScorer: what may matter to a score, and torch's own attention a query at a time."""

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, ExportError
from rankkit.export import export
from rankkit.models.scorers import AttentionScorer, is_listwise
from rankkit.models.scorers.listwise import over_queries
from tests.oracles import networks as oracle

FORMS = pytest.mark.parametrize("inducing", [None, 3])
OFFSETS = torch.tensor([0, 1, 1, 8, 11, 30])


def scorer_of(inducing, **options):
    made = AttentionScorer(4, (8,), n_inner=6, inducing=inducing, transform="none", seed=0, **options)
    return made.double().eval()


def documents(seed=0):
    return torch.randn(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@FORMS
@pytest.mark.parametrize("n_heads", [1, 4])
def test_scores_are_those_of_torchs_attention_a_query_at_a_time(inducing, n_heads):
    scorer = scorer_of(inducing, n_heads=n_heads)
    expected = oracle.attention(scorer, documents(), OFFSETS)
    assert scorer(documents(), OFFSETS).tolist() == pytest.approx(expected, rel=1e-10, abs=1e-10)


@FORMS
def test_the_order_of_documents_changes_no_score(inducing):
    scorer, features = scorer_of(inducing), documents()
    order = torch.cat([start + torch.randperm(int(stop - start)) for start, stop in pairwise(OFFSETS)])
    torch.testing.assert_close(scorer(features[order], OFFSETS), scorer(features, OFFSETS)[order])


@FORMS
def test_a_query_sees_its_documents_and_no_others(inducing):
    scorer, features = scorer_of(inducing), documents().requires_grad_()
    (slopes,) = torch.autograd.grad(scorer(features, OFFSETS)[4], features)
    assert slopes.any(dim=1).nonzero()[:, 0].tolist() == [*range(1, 8)]


@FORMS
def test_lists_of_one_and_of_no_document(inducing):
    scorer = scorer_of(inducing)
    assert scorer(documents()[:0], torch.tensor([0, 0])).shape == (0,)
    assert scorer(documents()[:0], torch.tensor([0])).shape == (0,)
    assert scorer(documents()[:1], torch.tensor([0, 1])).isfinite().all()


@pytest.mark.parametrize(("inducing", "growth"), [(None, 4), (3, 2)])
def test_what_a_longer_list_costs(inducing, growth, monkeypatch):
    scorer, pairs = scorer_of(inducing), []
    attend = functional.scaled_dot_product_attention

    def counted(query, key, value, **options):
        pairs.append(query.shape[-2] * key.shape[-2])
        return attend(query, key, value, **options)

    monkeypatch.setattr(functional, "scaled_dot_product_attention", counted)
    totals = []
    for n_docs in (100, 200):
        pairs.clear()
        scorer(torch.zeros(n_docs, 4, dtype=torch.float64), torch.tensor([0, n_docs]))
        totals.append(sum(pairs))
    assert totals[1] == growth * totals[0]


def test_it_is_listwise_and_targets_that_score_a_document_alone_say_so():
    scorer = AttentionScorer(4, (8,), transform="minmax", seed=0)
    scorer.transform.fit(documents(), OFFSETS)
    assert is_listwise(scorer)
    assert over_queries(scorer) == "AttentionScorer, whose documents of a query look at each other"


@pytest.mark.parametrize("target", ["solr", "elasticsearch", "vespa"])
def test_search_engines_refuse_it_by_name(target, tmp_path):
    scorer = AttentionScorer(4, (8,), transform="minmax", seed=0)
    scorer.transform.fit(documents(), OFFSETS)
    with pytest.raises(ExportError, match="AttentionScorer"):
        export(scorer, target, tmp_path / "out")


@FORMS
@pytest.mark.parametrize("target", ["onnx", "torch"])
def test_exported_lists_score_the_same(inducing, target, tmp_path):
    data = make_ranking(12, n_features=4, seed=1)
    scorer = AttentionScorer(4, (8,), n_inner=6, inducing=inducing, context="z", n_outputs=3, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    manifest = export(scorer, target, tmp_path / ("out.onnx" if target == "onnx" else "out.pt2"), data=data)
    assert manifest.listwise
    assert manifest.parity.inversions == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (7,), "n_heads": 2}, "expected a width of the blocks that n_heads=2 divides; got 7. Pass for"),
        ({"n_blocks": 0}, "AttentionScorer: expected n_blocks of at least 1; got 0"),
        ({"inducing": 0}, "AttentionScorer: expected inducing of at least 1; got 0"),
        ({"n_inner": 2.5}, "AttentionScorer: expected n_inner of at least 1; got 2.5"),
    ],
)
def test_an_option_that_cannot_work(options, message):
    with pytest.raises(ConfigError) as error:
        AttentionScorer(3, **options)
    assert message in str(error.value)
