"""Coverage-guided fuzzing of the LETOR reader against the line-by-line oracle, for ten minutes.

Needs atheris, which is in no extra: ``pip install atheris``. From the root of the repository::

    python -m tests.fuzz.fuzz_letor -max_total_time=600 -max_len=400 -timeout=20

No input may crash or hang the reader, nothing but a DataError may come out of it, and whatever it and the oracle accept
must come out equal. An input that breaks this is written to ``crash-*``, ``timeout-*`` or ``oom-*``; run the command
with that file to see it again, and add it as an ``@example`` to tests/loaders/letor/test_reading.py. The oracle and the
Python side of the reader are instrumented; the compiled loops are reached through what they make the oracle do.
"""

import sys
import tempfile
from pathlib import Path

import atheris

import rankkit.loaders.letor.kernels  # noqa: F401 - before the others, since what is compiled cannot be instrumented

with atheris.instrument_imports(include=["tests.oracles.letor", "rankkit.loaders"]):
    from rankkit.loaders.letor import reader as letor_reader
    from tests.oracles.letor_agreement import check_agreement

WORDS = [
    "1 qid:1 1:0.5 2:3",
    "0 qid:",
    "qid:1 1:2",
    "\n",
    "#docid = a",
    " 2:",
    ":1e400",
    "NULL",
    "nan",
    "-inf",
    "0x1p3",
]
WORDS += [
    "1e-45",
    "16777217.0000001",
    "9007199254740993",
    "3.4028235e38",
    "\\xef\\xbb\\xbf",
    "\\x00",
    "\\xff",
    " 100001:1",
]
FEATURES = (None, (1,), (2, 1), (3, 1, 100_001))
BLOCK_SIZES = (8, 48, 200, 2**22)


def fuzz(folder, data):
    """The first byte picks the options, the others are the file."""
    choice = data[0] if data else 0
    path = folder / "x.txt"
    path.write_bytes(data[1:])
    letor_reader.BLOCK_SIZE = BLOCK_SIZES[choice >> 5 & 3]
    check_agreement(
        path,
        zero_based=bool(choice & 1),
        skip=bool(choice & 2),
        labels="any" if choice & 4 else "grades",
        features=FEATURES[choice >> 3 & 3],
        n_threads=1,
    )


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = folder / "words"
        words.write_text("".join(f'"{word}"\n' if word != "\n" else '"\\x0a"\n' for word in WORDS))
        corpus = folder / "corpus"
        corpus.mkdir()
        for number in range(128):
            text = b"2 qid:1 1:0.5 2:3 # a\n0 qid:1 2:-7e-1 1:NULL\n1 qid:b 1:4 3:x\n" if number % 2 else b"qid:1 1:4\n"
            (corpus / str(number)).write_bytes(bytes([number]) + text)
        fuzz(folder, b"\0" + b"1 qid:a 1:1 # x\n")  # compiles
        atheris.Setup([*sys.argv, f"-dict={words}", str(corpus)], lambda data: fuzz(folder, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
