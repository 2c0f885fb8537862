"""LETOR text read line by line with Python's own string functions: what rankkit.read_letor must agree with."""

import re
from dataclasses import dataclass

import numpy as np

NUMBER = re.compile(rb"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
MISSING = re.compile(rb"NULL|[+-]?[nN][aA][nN]")
DOC_ID = re.compile(rb"docid[ \t\r\v\f]*=[ \t\r\v\f]*([^ \t\r\v\f]+)")
MOST_FEATURES = 100_000


class RefusedError(Exception):
    """The text is not what rankkit accepts."""


@dataclass
class Rows:
    labels: list[np.float32]
    qids: list[str]
    features: list[dict[int, np.float32]]
    doc_ids: list[str]
    n_features: int

    def matrix(self):
        dense = np.zeros((len(self.labels), self.n_features), np.float32)
        for row, values in enumerate(self.features):
            for column, value in values.items():
                dense[row, column] = value
        return dense


def read(data, *, base=1, n_features=None):
    """Parse all rows or raise RefusedError; the order of rows is left as it is."""
    rows = Rows([], [], [], [], 0)
    for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        content, _, comment = line.partition(b"#")
        tokens = content.split()
        if b"\0" in line:
            raise RefusedError("NUL byte")
        if tokens:
            _read_row(tokens, comment, base, rows)
    if not rows.labels:
        raise RefusedError("no rows")
    widest = max((column + 1 for values in rows.features for column in values), default=0)
    if n_features is None and not 0 < widest <= MOST_FEATURES:
        raise RefusedError("number of features")
    if n_features is not None and widest > n_features:
        raise RefusedError("index beyond n_features")
    rows.n_features = widest if n_features is None else n_features
    return rows


def _read_row(tokens, comment, base, rows):
    label = _number(tokens[0])
    if not label >= 0:
        raise RefusedError("negative label")
    if len(tokens) < 2 or not tokens[1].startswith(b"qid:") or tokens[1] == b"qid:":
        raise RefusedError("qid")
    values = {}
    for token in tokens[2:]:
        index, colon, text = token.partition(b":")
        if not colon or not re.fullmatch(rb"[0-9]+", index):
            raise RefusedError("feature")
        column = int(index) - base
        if column < 0 or column in values:
            raise RefusedError("index")
        values[column] = np.float32(np.nan) if MISSING.fullmatch(text) else _number(text)
    rows.labels.append(label)
    rows.features.append(values)
    named = DOC_ID.match(comment.strip())
    rows.qids.append(_text(tokens[1][4:]))
    rows.doc_ids.append(_text(named[1] if named else comment.strip()))


def _number(text):
    if not NUMBER.fullmatch(text):
        raise RefusedError("number")
    with np.errstate(over="ignore"):
        value = np.float32(float(text))
    if np.isinf(value):
        raise RefusedError("infinite")
    return value


def _text(raw):
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise RefusedError("encoding") from None
