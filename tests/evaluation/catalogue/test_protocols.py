"""evaluate_recommender_protocols(): one scoring, many rules."""

import pytest

import rankkit as rk
from rankkit.data.interactions import split_interactions
from rankkit.errors import ConfigError
from rankkit.evaluation.catalogue.presets import TOOLS
from rankkit.models.recommenders import EASE
from tests.models.recommenders.drawn import drawn_log


@pytest.fixture(scope="module")
def learnt():
    test = split_interactions(drawn_log(), "ratio").test
    return EASE(5.0).learn(test.history), test


def test_each_row_is_what_evaluating_by_it_alone_gives(learnt):
    model, test = learnt
    asked = ["ndcg@10", "precision@10", "map@10", "mrr"]
    table = rk.evaluate_recommender_protocols(model, test, asked, block_rows=7)
    assert list(table.means) == list(TOOLS)
    for name, means in table.means.items():
        assert means == rk.evaluate(model, test, list(means), protocol=name).means
    assert set(table.means["cornac"]) == {"ndcg@10", "precision@10", "mrr"}  # its map has no k
    lines = str(table).splitlines()
    assert lines[0].split()[:5] == ["protocol", *asked]
    assert "held out and seen" in lines[0]
    rows = {line.split()[0]: line for line in lines[1 : len(TOOLS) + 1]}
    assert "k hits" in rows["rectools"]
    assert "pooled" in rows["implicit"]
    assert "left out" in rows["cornac"]
    assert lines[len(TOOLS) + 1].startswith(f"{len(test.users)} users, ")
    assert "-: the tool does not have this metric" in lines


def test_a_tool_without_the_metric_is_said_and_no_metric_of_any_is_refused(learnt):
    assert "ndcg" not in rk.evaluate_recommender_protocols(*learnt, ["ndcg", "mrr@10"]).means["rectools"]
    with pytest.raises(ConfigError, match="expected a k with best_order='filled' of protocol rectools"):
        rk.evaluate(*learnt, ["ndcg"], protocol="rectools")
    table = rk.evaluate_recommender_protocols(*learnt, "mrr@10")
    assert table.left_out["cornac"] == "it has none of these metrics"
    for protocols, metrics, text in (
        (["implicit"], ["recall@10"], "expected a metric that one of the tools has"),
        (["implicit", "implicit"], ["ndcg@10"], "expected protocols of different names"),
        (["implict"], ["ndcg@10"], "Did you mean 'implicit'"),
    ):
        with pytest.raises(ConfigError, match=text):
            rk.evaluate_recommender_protocols(*learnt, metrics, protocols=protocols)
