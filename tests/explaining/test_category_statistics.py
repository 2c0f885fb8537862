"""Statistics of columns of categories, against a slow computation."""

import numpy as np
import pandas as pd
import pytest

from rankkit.cli.data.inspect_page import write_page
from rankkit.data.columns import kinds
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.evaluation import evaluate_scores
from rankkit.explaining.category_statistics import N_FOLDS, SMOOTHING
from rankkit.explaining.feature_statistics import feature_statistics
from rankkit.loaders.tables.tabular import from_pandas


def shop(n_queries=30, seed=0, **more):
    rng = np.random.default_rng(seed)
    n = 6 * n_queries
    brand = rng.choice(np.array(["oak", "elm", "ash", None], object), n, p=[0.4, 0.3, 0.2, 0.1])
    label = np.where(brand == "oak", 2, rng.integers(0, 2, n))
    tags = [list(rng.choice(["new", "sale", "eco"], rng.integers(0, 3), replace=False)) for _ in range(n)]
    frame = pd.DataFrame({"qid": np.repeat(np.arange(n_queries), 6), "label": label, "price": rng.random(n)})
    return frame.assign(brand=brand, tags=tags, item=[f"item {place}" for place in rng.integers(0, 40, n)], **more)


KINDS = {"brand": "category", "tags": "bag", "item": kinds.category(n_buckets=16)}


def slow_encoding(frame, column, folds):
    """The mean label of each value in the other folds; of a list the mean over its values."""
    found = []
    for row in range(len(frame)):
        others = frame[folds != folds[row]]
        value = frame[column][row]
        pairs = []
        for label, theirs in zip(others["label"], others[column], strict=True):
            for one in theirs if isinstance(theirs, list) and theirs else [theirs or None]:
                pairs.append((str(one), label))
        mean = np.mean([label for _, label in pairs])
        worth = []
        for one in value if isinstance(value, list) and value else [value or None]:
            labels = [label for word, label in pairs if word == str(one)]
            worth.append((sum(labels) + SMOOTHING * mean) / (len(labels) + SMOOTHING))
        found.append(np.mean(worth))
    return np.array(found, np.float32)


@pytest.mark.parametrize("column", ["brand", "tags"])
def test_what_a_column_is_worth_is_learnt_out_of_fold(column):
    frame = shop()
    data = from_pandas(frame, columns=KINDS)
    one = next(one for one in feature_statistics(data).categories if one.name == column)
    folds = np.repeat(np.random.default_rng(0).permutation(30) % N_FOLDS, 6)
    scores = slow_encoding(frame, column, folds)
    report = evaluate_scores(scores, data.labels, qids=frame["qid"].to_numpy(), metrics=["ndcg@10"])
    assert one.ndcg == pytest.approx(report.means["ndcg@10"], abs=1e-6)


def test_a_value_that_a_document_has_twice_counts_once():
    frame = shop()
    twice = frame.assign(tags=[tags * 2 for tags in frame["tags"]])
    once, again = (
        next(one for one in feature_statistics(from_pandas(table, columns=KINDS)).categories if one.name == "tags")
        for table in (frame, twice)
    )
    assert again == once


def test_counts_are_those_of_pandas():
    frame = shop()
    statistics = feature_statistics(from_pandas(frame, columns=KINDS))
    assert statistics.names == ("price",)
    brand, tags, item = statistics.categories
    counts = frame["brand"].value_counts()
    assert (brand.n_distinct, item.kind, tags.kind) == (3, "category", "bag")
    assert brand.top == tuple((word, count / 180) for word, count in counts.items())
    assert brand.missing == pytest.approx(frame["brand"].isna().mean())
    assert tags.missing == pytest.approx((frame["tags"].str.len() == 0).mean())
    assert dict(tags.top) == {
        word: np.mean([word in tags for tags in frame["tags"]]) for word in ("new", "sale", "eco")
    }
    assert item.n_distinct <= 16
    assert item.top[0][0].startswith("hash ")
    assert brand.ndcg > statistics.random_ndcg + 0.1


def test_a_column_that_is_noise_ranks_as_chance_does():
    rng = np.random.default_rng(1)
    frame = shop(300, noise=rng.integers(0, 900, 1800).astype(str))
    data = from_pandas(frame, columns={"noise": "category"}, features=["noise"])
    statistics = feature_statistics(data)
    assert statistics.names == ()
    (noise,) = statistics.categories
    assert noise.ndcg == pytest.approx(statistics.random_ndcg, abs=0.03)  # in fold it would be far above
    assert "noise" in str(statistics)


def test_rows_of_another_vocabulary_and_no_labels():
    data = from_pandas(shop(), columns=KINDS)
    other = from_pandas(
        shop(seed=3).replace({"brand": {"oak": "yew"}}).drop(columns="label"), schema=data.schema, label=None
    )
    brand = feature_statistics(other).categories[0]
    assert brand.unseen == pytest.approx(0.4, abs=0.1)
    assert brand.ndcg is None
    assert dict(brand.top).keys() == {"elm", "ash"}
    empty = RankingDataset(data.features[:0], data.labels[:0], np.zeros(1, np.int64), data.qids[:0],
                           feature_names=data.feature_names, schema=data.schema)  # fmt: skip
    assert feature_statistics(empty).categories[0].top == ()


def test_the_table_and_the_page_have_a_row_a_column(tmp_path):
    data = from_pandas(shop(), columns={**KINDS, "brand": kinds.category()})
    statistics = feature_statistics(data)
    text = str(statistics)
    assert max(map(len, text.splitlines())) <= 80
    word, share = statistics.categories[0].top[0]
    assert f"{word} {share:.0%}" in text
    write_page(data, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<h2>Categories</h2>" in page
    for name in ("brand", "tags", "item"):
        assert f">{name}</th>" in page
    assert ">tags[0]</th>" not in page
    assert "learnt from the other 4 fifths of the queries" in page
