"""The inputs of the gallery: name, bytes, and what a reader should make of them."""

import gzip

GOOD = b"2 qid:1 1:0.5 2:3\n0 qid:1 1:1 2:4\n1 qid:2 1:0.25 2:5\n"
DATA = {"labels": [2, 0, 1], "queries": [2, 1], "matrix": [[0.5, 3], [1, 4], [0.25, 5]]}


def _second(line):
    """The good file with another second line."""
    first, _, third, _ = GOOD.split(b"\n")
    return b"\n".join([first, line, third, b""])


# Name -> bytes, or a dict of files, the one to read first; and the data that it holds, None where it must be refused.
INPUTS = {
    "a clean file": (GOOD, DATA),
    "one line lacks its qid": (_second(b"0 1:1 2:4"), None),
    "no qid at all": (GOOD.replace(b"qid:1 ", b"").replace(b"qid:2 ", b""), None),
    "no qid, sizes in a .query file": (
        {"x.txt": GOOD.replace(b"qid:1 ", b"").replace(b"qid:2 ", b""), "x.txt.query": b"2\n1\n"},
        DATA,
    ),
    "qids 1, 2, 1": (b"2 qid:1 1:0.5 2:3\n0 qid:2 1:1 2:4\n1 qid:1 1:0.25 2:5\n", None),
    "qids are text": (GOOD.replace(b"qid:1", b"qid:tea").replace(b"qid:2", b"qid:mug"), DATA),
    "qids above 2^63": (GOOD.replace(b"qid:1", b"qid:9999999999999999999"), DATA),
    "text as a value": (_second(b"0 qid:1 1:one 2:4"), None),
    "text as a label": (_second(b"bad qid:1 1:1 2:4"), None),
    "NaN as a label": (_second(b"nan qid:1 1:1 2:4"), None),
    "NaN as a value": (_second(b"0 qid:1 1:nan 2:4"), DATA | {"matrix": [[0.5, 3], [None, 4], [0.25, 5]]}),
    "infinity as a value": (_second(b"0 qid:1 1:inf 2:4"), None),
    "NULL as a value (MQ2008)": (_second(b"0 qid:1 1:NULL 2:4"), DATA | {"matrix": [[0.5, 3], [None, 4], [0.25, 5]]}),
    "value 1e400": (_second(b"0 qid:1 1:1e400 2:4"), None),
    "nothing behind the colon": (_second(b"0 qid:1 1:1 2:"), None),
    "hexadecimal value": (_second(b"0 qid:1 1:0x10 2:4"), None),
    "decimal comma": (_second(b"0 qid:1 1:0,5 2:4"), None),
    "label -1": (_second(b"-1 qid:1 1:1 2:4"), None),
    "label 0.5": (_second(b"0.5 qid:1 1:1 2:4"), DATA | {"labels": [2, 0.5, 1]}),
    "label 40": (_second(b"40 qid:1 1:1 2:4"), DATA | {"labels": [2, 40, 1]}),
    "feature index 0": (_second(b"0 qid:1 0:1 1:1 2:4"), None),
    "negative feature index": (_second(b"0 qid:1 -1:1 2:4"), None),
    "feature index 3,000,000": (_second(b"0 qid:1 1:1 2:4 3000000:1"), None),
    "a feature twice": (_second(b"0 qid:1 1:1 1:2 2:4"), None),
    "features out of order": (_second(b"0 qid:1 2:4 1:1"), DATA),
    "qid behind the features": (_second(b"0 1:1 2:4 qid:1"), None),
    "# docid comments": (GOOD.replace(b"\n", b" #docid = GX1\n"), DATA),
    "CRLF line ends": (GOOD.replace(b"\n", b"\r\n"), DATA),
    "tabs between tokens": (GOOD.replace(b" ", b"\t"), DATA),
    "space behind the last value": (GOOD.replace(b"\n", b" \n"), DATA),
    "blank lines": (GOOD.replace(b"\n", b"\n\n"), DATA),
    "byte order mark": (b"\xef\xbb\xbf" + GOOD, DATA),
    "last line cut short": (GOOD[:-5], DATA | {"matrix": [[0.5, 3], [1, 4], [0.25, 0]]}),
    "an empty file": (b"", None),
    "a row without features": (_second(b"0 qid:1"), DATA | {"matrix": [[0.5, 3], [0, 0], [0.25, 5]]}),
    "NUL bytes": (_second(b"0 qid:1 1:\0\0 2:4"), None),
    "UTF-16": (GOOD.decode().encode("utf-16"), None),
    "a .gz file": ({"x.txt.gz": gzip.compress(GOOD, mtime=0)}, DATA),
    "a .gz file cut short": ({"x.txt.gz": gzip.compress(GOOD * 500, mtime=0)[:-30]}, None),
}
