"""Scorers of columns that are no numbers."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.bundle import load, save
from rankkit.cli.experiments.wording import in_words_of
from rankkit.data.columns.kinds import Bag, Category, Number, Text, Vector, category, number
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.evaluation import predict
from rankkit.export import export
from rankkit.loaders.tables.tabular import from_arrow, from_pandas
from rankkit.models.scorers import LinearScorer, MLPScorer
from rankkit.models.scorers.columns import CodeTable, ColumnInputs, embedding_size
from rankkit.objectives import ranknet_loss
from rankkit.tasks.ranking.build import build_scorer
from rankkit.training import fit

NAN = float("nan")
BOTH = pytest.mark.parametrize("made", [MLPScorer, LinearScorer])


def shop(n_queries=30, seed=0, brands=("oak", "elm", "ash")):
    rng = np.random.default_rng(seed)
    n = 8 * n_queries
    brand = rng.choice(np.array(brands, object), n)
    brand[::8] = brands[0]  # the one that is relevant, in each query
    return pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_queries), 8),
            "label": (brand == "oak").astype(int),
            "price": rng.random(n),
            "brand": pd.Categorical(brand, sorted({str(word) for word in brands if word is not None})),
        }
    )


def table_of(column, rows):
    table = CodeTable(column, 0, len(rows[0]), generator=None, std=0.0)
    table.weight.data = torch.tensor(rows)
    return table


def test_a_code_has_its_row_and_unseen_and_missing_have_their_own():
    table = table_of(Category("x", vocabulary=("a", "b")), [[1.0], [2.0], [30.0], [400.0]])
    codes = torch.tensor([[0.0], [1.0], [2.0], [NAN], [7.0], [-1.0], [torch.inf]])
    assert table(codes).squeeze(1).tolist() == [1, 2, 30, 400, 30, 30, 30]


def test_the_rows_of_a_bag_are_averaged_and_an_empty_one_is_missing():
    table = table_of(Bag("x", places=3, vocabulary=("a", "b")), [[1.0], [2.0], [30.0], [400.0]])
    codes = torch.tensor([[0.0, 1.0, NAN], [1.0, NAN, NAN], [2.0, 2.0, 0.0], [NAN, NAN, NAN]])
    np.testing.assert_allclose(table(codes).squeeze(1).detach(), [1.5, 2, 61 / 3, 400])


def test_every_kind_goes_its_way():
    columns = (Number("p"), Vector("v", size=2), Text("t", size=2), Category("c", vocabulary=("a",)), Number("q"))
    inputs = ColumnInputs(
        Schema(columns), "none", missing_indicators=True, embedding=1, embeds=True, generator=torch.Generator()
    )
    rows = torch.tensor([[1.0, 1, 5, 0.5, NAN, 0, 9], [NAN, 3, 5, 0.25, 0.75, NAN, 8]])
    inputs.fit(rows, torch.tensor([0, 2]))
    inputs.codes[0].weight.data = torch.tensor([[7.0], [8.0], [9.0]])
    wanted = [[1, 9, 0, 0, -1, 0, 0.5, 0, 7], [0, 8, 1, 0, 1, 0, 0.25, 0.75, 9]]
    assert inputs(rows, torch.tensor([0, 2])).tolist() == wanted
    names = [*Schema(columns).names]
    assert len(inputs.output_names(names)) == inputs.n_outputs == 9
    assert inputs.output_names(names)[2:5] == ["missing(p)", "missing(q)", "standardize(v[0])"]


def with_ages(**kinds):
    frame = shop()
    frame["age"] = np.repeat(np.random.default_rng(1).integers(18, 80, 30), 8).astype(float)
    return from_pandas(frame, columns=kinds or None)


@BOTH
def test_what_is_the_same_within_a_query_is_not_compared_there(made):
    data = with_ages(age=number(side="query"))
    options = {"hidden": (4,), "normalization": "none"} if made is MLPScorer else {}
    scorer = made.for_data(data, transform=["log1p+query_standardize", "none"], seed=0, **options)
    scorer.transform.fit(data.features, data.offsets)
    values = scorer.transform(torch.from_numpy(data.features), torch.from_numpy(data.offsets)).detach().numpy()
    names = scorer.transform.output_names(data.feature_names)
    place = names.index("standardize(log1p(age))")
    logs = np.log1p(data.features[:, data.feature_names.index("age")].astype(np.float64))
    np.testing.assert_allclose(values[:, place], (logs - logs.mean()) / logs.std(), atol=1e-5)
    assert "query_standardize(log1p(price))" in names


def test_unasked_it_is_said():
    data = with_ages()
    with pytest.warns(DataWarning, match="comparing these would leave nothing: age"):
        scorer = MLPScorer.for_data(data, transform="query_minmax", hidden=(4,), seed=0)
    assert [column.name for column in scorer.schema.on_side("query")] == ["age"]
    assert MLPScorer.for_data(data, transform="minmax", hidden=(4,), seed=0).schema.on_side("query") == ()
    with pytest.warns(DataWarning, match="comparing these would leave nothing: age"):
        by_name = build_scorer("linear", {"transform": "query_minmax"}, "ranknet", data, seed=0)
    assert by_name.schema == scorer.schema


@BOTH
def test_context_is_of_numbers_of_documents_alone(made):
    data = with_ages(age=number(side="query"))
    options = {"hidden": (4,)} if made is MLPScorer else {}
    scorer = made.for_data(data, transform="standardize", context="z+rank", seed=0, **options)
    names = scorer.transform.output_names(data.feature_names)
    assert [name for name in names if "query_" in name] == ["query_standardize(price)", "query_rank(price)"]
    assert "standardize(age)" in names
    scorer.transform.fit(data.features, data.offsets)
    values = scorer.transform(torch.from_numpy(data.features), torch.from_numpy(data.offsets)).detach().numpy()
    prices = data.features[:8, data.feature_names.index("price")]
    np.testing.assert_allclose(values[:8, names.index("query_rank(price)")], prices.argsort().argsort() / 7, atol=1e-6)
    assert type(scorer)(**scorer.options).options == scorer.options
    with pytest.warns(DataWarning, match="comparing these would leave nothing: age"):
        made.for_data(with_ages(), context="rank", seed=0, **options)


def test_columns_of_the_query_alone_order_nothing():
    frame = shop()[["qid", "label"]].assign(age=1.0)
    frame["age"] += frame["qid"]
    data = from_pandas(frame, columns={"age": number(side="query")}, features=["age"])
    with pytest.raises(ConfigError, match="expected a column of documents, to rank them by"):
        LinearScorer.for_data(data)


@BOTH
def test_numbers_of_the_query_with_indicators_are_saved_and_exported(made, tmp_path):
    data = with_ages(age=number(side="query"))
    data.features[:8, data.feature_names.index("age")] = np.nan
    options = {"hidden": (4,)} if made is MLPScorer else {}
    scorer = made.for_data(data, transform="query_minmax", missing_indicators=True, seed=0, **options)
    fit(scorer, ranknet_loss, data, epochs=1, device="cpu", progress=False)
    assert scorer.transform.was_missing_queries.tolist() == [1]
    save(scorer, tmp_path / "run")
    np.testing.assert_array_equal(predict(load(tmp_path / "run"), data), predict(scorer, data))
    assert export(scorer, "numpy", tmp_path / "out", data=data).parity.max_relative < 1e-5


def test_sizes_of_embeddings():
    scorer = MLPScorer.for_data(from_pandas(shop()), hidden=(4,), seed=0)
    assert scorer.transform.codes[0].weight.shape == (5, embedding_size(3))


@BOTH
def test_brands_are_learnt(made):
    train, valid = from_pandas(shop()), from_pandas(shop(seed=1))
    scorer = made.for_data(train, seed=0)
    history = fit(scorer, ranknet_loss, train, valid, metric="ndcg@5", epochs=15, learning_rate=0.05, progress=False)
    assert history.best_value > 0.95


@BOTH
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(3)), of_bag=st.permutations(range(3)))
def test_a_permutation_of_the_vocabulary_changes_nothing(made, order, of_bag):
    data, scorer = permuted_ranker(made)
    changed, state = [], scorer.state_dict()
    places = {"brand": order, "tags": of_bag}
    tables = [name for name in state if "codes" in name]
    for column in scorer.schema.columns:
        if column.name in places:
            taken = places[column.name]
            column = replace(column, vocabulary=tuple(column.vocabulary[place] for place in taken))
            name = tables[len([one for one in changed if one.name in places])]
            state[name] = state[name][[*taken, 3, 4]]
        changed.append(column)
    schema = Schema(tuple(changed))
    other = made(**{**scorer.options, "schema": schema.to_dict()})
    other.load_state_dict(state)
    other.feature_names = data.feature_names
    np.testing.assert_array_equal(predict(other, data), predict(scorer, data))
    frame = shop_with_tags()
    np.testing.assert_array_equal(predict(other, frame), predict(scorer, frame))  # read by the other schema


def shop_with_tags():
    rng = np.random.default_rng(5)
    frame = shop()
    frame["tags"] = [
        [["new", "sale", "eco"][place] for place in rng.permutation(3)[: rng.integers(0, 4)]] for _ in range(len(frame))
    ]
    return frame


@cache
def permuted_ranker(made):
    """Data and a trained scorer of it, made once."""
    data = from_pandas(shop_with_tags(), columns={"tags": "bag"})
    scorer = made.for_data(data, seed=0)
    fit(scorer, ranknet_loss, data, epochs=1, device="cpu", progress=False)
    return data, scorer


@BOTH
@settings(max_examples=20, deadline=None)
@given(words=st.lists(st.one_of(st.none(), st.text(max_size=4)), min_size=1, max_size=8))
def test_values_that_were_never_seen_are_scored(made, words):
    train = from_pandas(shop())
    scorer = made.for_data(train, seed=0)
    scorer.transform.fit(train.features, train.offsets)
    rows = pd.DataFrame({"brand": pd.Series(words, dtype=object), "more": 1, "price": 0.5, "qid": 1})
    with pytest.warns(DataWarning, match=r"left out: more \(not in the schema\)"):
        scores = predict(scorer, rows)
    assert np.isfinite(scores).all()
    is_new = [word is not None and word not in ("", "oak", "elm", "ash") for word in words]
    assert not any(is_new) or np.ptp(scores[is_new]) < 1e-6


NEVER_SEEN = st.fixed_dictionaries(
    {
        "price": st.one_of(st.none(), st.floats(-1e30, 1e30)),
        "brand": st.one_of(st.none(), st.text(max_size=4)),
        "seller": st.one_of(st.none(), st.text(max_size=4)),
        "tags": st.one_of(st.none(), st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=6)),
        "day": st.one_of(st.none(), st.datetimes().map(lambda at: at.isoformat())),
        "image": st.one_of(st.none(), st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=2)),
        "title": st.one_of(st.none(), st.text(max_size=12)),
    }
)


@cache
def ranker_of_every_kind(made):
    frame = shop_with_tags()
    frame = frame.assign(
        seller=frame["brand"].astype(str),
        day=pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(frame)), unit="h"),
        image=list(np.random.default_rng(0).random((len(frame), 2))),
        title=[f"offer {place % 9}" for place in range(len(frame))],
    )
    data = from_pandas(frame, columns={"seller": category(n_buckets=16), "title": "text", "tags": "bag"})
    options = {"hidden": (4,)} if made is MLPScorer else {}
    scorer = made.for_data(data, seed=0, missing_indicators=True, **options)
    scorer.transform.fit(data.features, data.offsets)
    return scorer.eval()


@BOTH
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(NEVER_SEEN, min_size=1, max_size=6))
def test_no_value_of_any_kind_raises_at_scoring(made, rows):
    """Whatever is of its kind is scored, as rows or as a table."""
    scorer = ranker_of_every_kind(made)
    matrix = scorer.schema.encode(rows)
    offsets = torch.tensor([0, len(rows)])
    with torch.no_grad():
        found = scorer(torch.from_numpy(matrix), offsets).numpy()
    assert np.isfinite(found).all()
    table = from_arrow(
        pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}).append_column(
            "qid", pa.array([1] * len(rows))
        ),
        schema=scorer.schema,
        label=None,
    )
    np.testing.assert_allclose(predict(scorer, table), found, rtol=1e-5, atol=1e-5)


TYPES = {
    "price": pa.float64(),
    **dict.fromkeys(("brand", "seller", "day", "title"), pa.string()),
    "tags": pa.list_(pa.string()),
    "image": pa.list_(pa.float64()),
}


def test_validation_values_leave_no_trace_in_a_model():
    """Read with a vocabulary of all rows, the training rows give the model that they give alone."""
    whole = shop(40, brands=("oak", "elm", "ash"))
    late = whole["qid"] >= 30
    whole["brand"] = whole["brand"].astype(object).where(~late, "only in validation")
    together = from_pandas(whole, columns={"brand": "category"})
    alone = from_pandas(whole[~late], columns={"brand": "category"})
    found = []
    for train in (together[:30], alone):
        scorer = MLPScorer.for_data(train, hidden=(4,), seed=0)
        fit(scorer, ranknet_loss, train, epochs=2, progress=False)
        found.append((scorer.options, scorer.state_dict()))
    assert found[0][0] == found[1][0]
    for name, values in found[0][1].items():
        assert torch.equal(values, found[1][1][name]), name


def test_rare_values_share_the_row_of_unseen_ones_and_that_is_said():
    frame = shop(4)
    frame["brand"] = ["once", *["oak", "elm"] * 15, "oak"]
    data = from_pandas(frame, columns={"brand": category()})
    with pytest.warns(
        DataWarning, match=r"MLPScorer.for_data: values in fewer than 2 training rows .*brand \(1 of 3\)"
    ) as told:
        scorer = MLPScorer.for_data(data)
    assert scorer.schema.columns[1].vocabulary == ("elm", "oak")
    assert MLPScorer.for_data(data, min_count=1).schema == data.schema
    advised = in_words_of({"settings": ("--set",)}, str(told[0].message))  # commands have no min_count
    assert advised.endswith("brand (1 of 3). Hash the column with n_buckets, to give them codes.")
    with pytest.raises(ConfigError, match="expected min_count of at least 1"):
        MLPScorer.for_data(data, min_count=0)


@BOTH
def test_what_is_no_training_data_is_refused_in_words(made):
    for data, action in (("train.txt", r"Read it: rankkit\.read"), (shop(), r"Make it one: rankkit\.from_pandas")):
        with pytest.raises(DataError, match=rf"for_data: expected a RankingDataset as train; got .*{action}"):
            made.for_data(data)


@BOTH
def test_a_saved_scorer_reads_frames_and_files_as_the_trained_one(made, tmp_path):
    train = from_pandas(shop())
    scorer = made.for_data(train, seed=0)
    fit(scorer, ranknet_loss, train, epochs=1, progress=False)
    save(scorer, tmp_path / "bundle")
    loaded = load(tmp_path / "bundle")
    assert loaded.schema == scorer.schema
    new = shop(3, seed=5, brands=("oak", "new", None)).sample(frac=1, random_state=0)
    new["brand"] = new["brand"].astype(object)
    np.testing.assert_array_equal(predict(loaded, new[["brand", "qid", "price"]]), predict(scorer, new))
    with pytest.raises(DataError, match="expected the columns of the schema; got none named 'brand'"):
        predict(loaded, new.drop(columns="brand"))


def test_linear_weights_have_the_names_of_values():
    scorer = LinearScorer.for_data(from_pandas(shop()), transform="none", seed=0)
    assert list(scorer.weights) == [
        *("price", "brand=ash", "brand=elm", "brand=oak", "brand=<unseen>", "brand=<missing>")
    ]


def test_the_scorer_of_a_name_gets_the_schema_of_the_training_data():
    data = from_pandas(shop())
    assert build_scorer("mlp", {}, "ranknet", data, seed=0).schema == data.schema
    numbers = build_scorer("linear", {}, "ranknet", replace(data, schema=None), seed=0)
    assert numbers.schema is None
    assert "schema" not in numbers.options


def test_a_scorer_of_numbers_refuses_codes():
    data = from_pandas(shop())
    with pytest.raises(ConfigError, match=r"expected a scorer that knows the columns of train; .*brand \(category\)"):
        fit(MLPScorer(2), ranknet_loss, data, epochs=1, progress=False)
    with pytest.warns(DataWarning, match=r"Linear gets the codes of brand \(category\) as numbers"):
        fit(torch.nn.Linear(2, 1), ranknet_loss, data, epochs=1, progress=False)
    with pytest.raises(ConfigError, match="expected a schema of 3 columns of the matrix; got 2"):
        MLPScorer(3, schema=data.schema)


def test_only_codes_are_enough():
    train = from_pandas(shop().drop(columns="price"))
    for made in (MLPScorer, LinearScorer):
        scorer = made.for_data(train, seed=0)
        fit(scorer, ranknet_loss, train, epochs=1, progress=False)
        assert np.isfinite(predict(scorer, train)).all()
