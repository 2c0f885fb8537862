"""The claim that rankkit.read_letor and the line-by-line oracle refuse the same bytes and read the others alike."""

import contextlib
import re
import warnings

import numpy as np
import pytest

from rankkit.errors import DataError
from rankkit.loaders.letor.reading import read_letor
from tests.oracles import letor as oracle

# What begins like this is taken for a file of another kind.
OTHER_FILES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff")


def read_quietly(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_letor(path, **options)


def check_agreement(path, *, skip=False, **options):
    """Fail where the two differ on the bytes of a file; options are those of read_letor, ``skip`` is on_bad_line."""
    if path.read_bytes().startswith(OTHER_FILES):
        with contextlib.suppress(DataError):
            read_quietly(path, **options)
        return
    asked = {"base": 0 if options.get("zero_based") else 1, "features": options.get("features")}
    options = {"regroup": True, "on_bad_line": "skip" if skip else "error", **options}
    try:
        expected = oracle.read(path.read_bytes(), any_label=options.get("labels") == "any", skip=skip, **asked)
    except oracle.RefusedError:
        with pytest.raises(DataError):
            read_quietly(path, **options)
        return
    if expected.n_skipped and re.search(rb"[0-9]{6}:", path.read_bytes()):
        return  # a row that is left out may hold an index beyond the largest that is allowed undeclared
    data = read_quietly(path, **options)
    if expected.n_skipped:  # or the largest of the file
        assert not data.features[:, expected.n_features :].any()
        expected.n_features = data.n_features
    assert np.array_equal(data.in_row_order(data.features), expected.matrix(), equal_nan=True)
    assert np.array_equal(np.signbit(data.in_row_order(data.features)), np.signbit(expected.matrix()))
    assert (data.labels is not None) == expected.has_labels
    if expected.has_labels:
        assert data.in_row_order(data.labels).tolist() == expected.labels
    assert data.in_row_order(np.repeat(data.qids, data.list_sizes)).astype(str).tolist() == expected.qids
    assert data.n_queries == len(set(expected.qids))
    ids = [""] * data.n_docs if data.doc_ids is None else data.in_row_order(data.doc_ids).tolist()
    assert ids == expected.doc_ids
