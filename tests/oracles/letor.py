"""LETOR text read line by line with Python's own string functions: what rankkit.read_letor must agree with."""

import re
from dataclasses import dataclass

import numpy as np

NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
MISSING = re.compile(rb"NULL|[+-]?[nN][aA][nN]")
DOC_ID = re.compile(rb"docid[ \t\r\v\f]*=[ \t\r\v\f]*([^ \t\r\v\f]+)")
MOST_FEATURES = 100_000


class RefusedError(Exception):
    """The text is not what rankkit accepts; ``is_skippable`` where that concerns one row alone."""

    def __init__(self, reason, is_skippable=False):
        super().__init__(reason)
        self.is_skippable = is_skippable


@dataclass
class Rows:
    has_labels: bool
    labels: list[np.float32]
    qids: list[str]
    features: list[dict[int, np.float32]]
    doc_ids: list[str]
    n_features: int
    n_skipped: int

    def matrix(self):
        dense = np.zeros((len(self.qids), self.n_features), np.float32)
        for row, values in enumerate(self.features):
            for column, value in values.items():
                dense[row, column] = value
        return dense


def read(data, *, base=1, n_features=None, any_label=True, features=None, skip=False):
    """Parse all rows or raise RefusedError; the order of rows is left as it is."""
    rows = Rows(_has_labels(data), [], [], [], [], 0, 0)
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        content, _, comment = line.partition(b"#")
        tokens = content.split()
        if b"\0" in line:
            raise RefusedError("NUL byte")
        if tokens:
            try:
                _read_row(tokens, comment, base, rows, any_label, features)
            except RefusedError as error:
                if not (skip and error.is_skippable):
                    raise
                rows.n_skipped += 1
    if not rows.qids:
        raise RefusedError("no rows")
    widest = max((column + 1 for values in rows.features for column in values), default=0)
    if n_features is None and features is None and not 0 < widest <= MOST_FEATURES:
        raise RefusedError("number of features")
    if n_features is not None and widest > n_features:
        raise RefusedError("index beyond n_features")
    rows.n_features = n_features or (widest if features is None else len(features))
    return rows


def _has_labels(data):
    lines = (line.partition(b"#")[0].split() for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    first = next((tokens for tokens in lines if tokens), [b""])
    return not first[0].startswith(b"qid:")


def _read_row(tokens, comment, base, rows, any_label, features):
    label = np.float32(0)
    if rows.has_labels:
        label = _number(tokens.pop(0))
        if not label >= 0:
            raise RefusedError("negative label", True)
        if not any_label and (label > 31 or label != int(label)):
            raise RefusedError("no grade", True)
    if not tokens or not tokens[0].startswith(b"qid:") or tokens[0] == b"qid:":
        raise RefusedError("qid")
    qid = _text(tokens.pop(0)[4:])
    values = {}
    for token in tokens:
        index, colon, text = token.partition(b":")
        if token.startswith(b"qid:"):
            raise RefusedError("second qid")
        if not colon or not re.fullmatch(rb"[0-9]+", index):
            raise RefusedError("feature", True)
        column = int(index) - base
        if column < 0:
            raise RefusedError("index")
        if features is not None:
            if int(index) not in features:
                continue
            column = features.index(int(index))
        if column in values:
            raise RefusedError("duplicate", True)
        values[column] = np.float32(np.nan) if MISSING.fullmatch(text) else _number(text)
    named = DOC_ID.match(comment.strip())
    doc_id = _text(named[1] if named else comment.strip())
    rows.labels.append(label)
    rows.features.append(values)
    rows.qids.append(qid)
    rows.doc_ids.append(doc_id)


def _number(text):
    if not NUMBER.fullmatch(text):
        raise RefusedError("number", True)
    with np.errstate(over="ignore"):
        value = np.float32(float(text))
    if np.isinf(value):
        raise RefusedError("infinite", True)
    return value


def _text(raw):
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise RefusedError("encoding") from None
