"""Each preset gives the number of the tool it is named after, as measured with the installed tool on given scores."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.evaluation.catalogue import RECOMMENDER_PROTOCOLS, evaluate_scored
from rankkit.evaluation.catalogue.presets import TOOLS
from rankkit.evaluation.protocol import Protocol
from tests.evaluation.catalogue.given_scores import (
    BUSY,
    CASE,
    MEETS_NEW,
    N_ITEMS,
    REPEATING,
    UNKNOWN,
    case,
    measured_here,
    split_of,
)

HELD = json.loads(CASE.read_text())


@pytest.mark.parametrize("tool", [name for name in TOOLS if name != "rankkit"])
def test_the_number_of_the_tool_on_the_same_scores(tool):
    theirs = HELD["tools"][tool]["values"]
    assert {name.partition("@")[0] for name in theirs} == set(TOOLS[tool].metrics)
    assert measured_here(HELD["case"], list(theirs), tool) == pytest.approx(theirs, abs=1e-9)
    # The case tells the tool from rankkit: it has what they treat differently.
    assert measured_here(HELD["case"], list(theirs), "rankkit") != pytest.approx(theirs, abs=1e-3)


def test_the_case_is_as_it_was_measured():
    assert HELD["case"] == case()


def test_a_user_with_one_item_to_be_found_cannot_reach_1_in_rectools():
    table = np.zeros((14, N_ITEMS), np.float32)
    for user, item in HELD["case"]["test"]:
        table[user, item] = 1
    found = evaluate_scored(
        lambda histories: table[histories.user_ids], split_of(HELD["case"]), ["ndcg@10"], protocol="rectools"
    ).accuracy.per_query["ndcg@10"]
    assert found[0] == pytest.approx(1 / sum(1 / np.log2(1 + rank) for rank in range(1, 11)), abs=1e-12)


def test_what_is_seen_and_held_out_is_dealt_with_as_the_protocol_says():
    def of_user(protocol, user, metric="recall@3"):
        table = np.array(HELD["case"]["scores"], np.float32)
        found = evaluate_scored(
            lambda histories: table[histories.user_ids], split_of(HELD["case"]), [metric], protocol=protocol
        )
        return found.accuracy.per_query[metric][split_of(HELD["case"]).users.tolist().index(user)], found.remarks

    fates = {"left_out": "are not counted", "missed": "they are missed", "candidates": "candidates all the same"}
    values = {}
    for fate, words in fates.items():
        values[fate], remarks = of_user(replace(TOOLS["rankkit"], name="mine", seen_targets=fate), REPEATING)
        assert any(words in remark for remark in remarks)
    assert values["missed"] < values["left_out"]
    assert values["missed"] < values["candidates"]
    assert np.isnan(of_user("cornac", UNKNOWN)[0])
    assert any("of known" in remark or "no event before" in remark for remark in of_user("cornac", MEETS_NEW)[1])
    # Hits of all over what could be hit: a user with much to be found counts for more.
    assert (
        of_user("implicit", BUSY, "precision@3")[0]
        > of_user(replace(TOOLS["implicit"], pooled=False), BUSY, "precision@3")[0]
    )


def test_presets_survive_json_and_what_they_cannot_be_is_refused():
    for protocol in RECOMMENDER_PROTOCOLS.values():
        assert Protocol(**json.loads(json.dumps(asdict(protocol)))) == protocol
    for fields in ({"seen_targets": "kept"}, {"best_order": "full"}, {"share_of": "k"}):
        with pytest.raises(ConfigError, match=f"{next(iter(fields))}: expected"):
            Protocol(**fields)
    with pytest.raises(ConfigError, match="got 'known_only' for ndcg"):
        Protocol(exceptions={"ndcg": {"known_only": True}})
    # Rankers have no histories: these names are of recommenders alone.
    with pytest.raises(ConfigError, match="protocol: expected a name"):
        rk.evaluate_scores([1.0], [1], qids=[1], protocol="recbole")


def test_the_ideal_of_k_documents_needs_a_k():
    with pytest.raises(ConfigError, match="expected a k with best_order='filled'"):
        measured_here(HELD["case"], ["ndcg"], "rectools")


def test_conventions_are_said():
    lines = {name: protocol.describe(["ndcg@10", "precision@10"]) for name, protocol in TOOLS.items()}
    assert "ndcg@10 over 10" not in lines["rectools"]
    assert "ndcg@k over k relevant documents, whether there are so many or not" in lines["rectools"]
    assert "precision@k over at most k relevant documents, of all users together" in lines["implicit"]
    assert "precision@k over k," in lines["recbole"]
    assert lines["recbole"].endswith("held-out items that were seen before are candidates")
    assert lines["cornac"].endswith("users and items without an event before left out")
    assert lines["rankkit"].endswith("ties pessimistic")
