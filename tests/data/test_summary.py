"""The summary, against values by hand."""

import numpy as np

from rankkit.data.summary import summarize
from rankkit.data.synthetic import make_mslr_like, make_ranking
from rankkit.loaders.tables.given_arrays import from_arrays

NAN = float("nan")


def small():
    # Query a: two grades; b: one document; c: no relevant document; d: one grade, relevant.
    return from_arrays(
        [[1, 7, NAN, 0], [2, 7, 1, 0], [3, 7, NAN, 0], [4, 7, NAN, -2e4], [5, NAN, 1, 0], [6, 7, 2, 0], [7, 7, 1, 0]],
        [0, 2, 1, 0, 0, 2, 2],
        ["a", "a", "b", "c", "c", "d", "d"],
        feature_names=["one", "same", "gaps", "big"],
    )


def test_every_count_by_hand():
    summary = summarize(small())
    assert (summary.n_docs, summary.n_queries, summary.n_features) == (7, 4, 4)
    assert summary.labels == {0.0: 3, 1.0: 1, 2.0: 3}
    assert summary.list_sizes == {0: 1, 5: 1, 25: 1, 50: 2, 75: 2, 95: 2, 100: 2}
    assert summary.n_without_relevant == 1
    assert summary.n_single_document == 1
    assert summary.n_single_label == 2
    assert summary.constant == ("same",)
    assert summary.missing == {"same": 1 / 7, "gaps": 3 / 7}
    assert summary.large == {"big": 2e4}


def test_report_names_what_deserves_a_look_on_80_columns():
    report = str(summarize(small()))
    words = " ".join(report.split())
    for expected in (
        "7 documents, 4 queries, 4 features",
        "2 3 42.9%",
        "Queries without a relevant document: 1 of 4 (25.0%).",
        "Constant features, 1 of 4 (25.0%): same.",
        "Features with missing values (NaN), 2 of 4 (50.0%): same (14.3%), gaps (42.9%).",
        "Features with values beyond 10000, 1 of 4 (25.0%): big (2e+04).",
    ):
        assert expected in words
    assert max(map(len, report.splitlines())) <= 80
    assert max(map(len, str(summarize(make_mslr_like(30))).splitlines())) <= 80


def test_clean_data_has_nothing_to_note():
    data = make_ranking(30, seed=0, signal="linear", list_size=(30, 40))
    relevant = [query for query in range(30) if len(np.unique(data[query].labels)) > 1]
    summary = summarize(data.select(np.array(relevant)))
    assert summary.warnings == ()
    assert "To note" not in str(summary)


def test_without_labels():
    summary = summarize(from_arrays([[1], [2]], None, [1, 2]))
    assert (summary.labels, summary.n_without_relevant, summary.n_single_label) == (None, None, None)
    assert "No labels" in str(summary)


def test_one_label_for_all():
    assert (
        "All documents have the same label: nothing can be learnt."
        in summarize(from_arrays([[1], [2]], [1, 1], [1, 1])).warnings
    )


def test_without_documents():
    summary = summarize(from_arrays(np.zeros((0, 2)), [], []))
    assert (summary.n_docs, summary.list_sizes, summary.constant) == (0, {}, ())
    assert str(summary).startswith("0 documents, 0 queries, 2 features")


def test_a_feature_without_any_value_is_missing_not_constant():
    summary = summarize(from_arrays([[NAN], [NAN]], [0, 1], [1, 1]))
    assert (summary.missing, summary.constant) == ({"1": 1.0}, ())


def test_many_label_values_are_cut_short():
    summary = summarize(from_arrays(np.ones((50, 1)), np.arange(50), np.zeros(50, int)))
    assert "... and 30 more labels, up to 49" in str(summary)
