"""evaluate_run(): a TREC run against TREC qrels, by trec_eval through ir_measures.

Measures have the names of ir_measures here, and only here: ``nDCG@10`` has the label itself as gain. Its provider that
starts a perl script (gdeval, slow and rounding to five digits) is never used, and the others are named one by one, so
that numbers do not depend on what else is installed.
"""

import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rankkit.data.text_ids import TextIds
from rankkit.errors import ConfigError, DataError, did_you_mean
from rankkit.evaluation.names import parse_metric
from rankkit.evaluation.run_report import RunEvaluation
from rankkit.loaders.letor.text_blocks import BLOCK_SIZE, text_blocks
from rankkit.loaders.sources import Readable, as_file
from rankkit.loaders.trec import GREATEST
from rankkit.registry import METRICS

Labels = Mapping[str, Mapping[str, int]]
Scores = Mapping[str, Mapping[str, float]]

_PROVIDERS = ("pytrec_eval", "msmarco", "judged", "accuracy", "compat")
_IR_MEASURES_NAMES = {
    "ndcg": "nDCG",
    "mrr": "RR",
    "map": "AP",
    "precision": "P",
    "recall": "R",
    "r_precision": "Rprec",
    "hit_rate": "Success",
    "bpref": "Bpref",
    "rbp": "RBP",
}


class _Asked(NamedTuple):
    """A measure as asked, the one that is computed in its place, and by which provider."""

    name: str
    measure: Any
    provider: Any


def evaluate_run(
    qrels: Readable | Labels,
    run: Readable | Scores,
    metrics: Sequence[str] = ("nDCG@10", "RR", "AP"),
) -> RunEvaluation:
    """Measure a TREC run by relevance judgments, with the measures of ir_measures.

    A query of the qrels that the run lacks counts 0; a query of the run that the qrels lack is ignored. Documents
    without a judgment count as not relevant. IPrec differs from that of later versions of
    trec_eval: the one in pytrec_eval takes a share of the relevant documents up to a whole number, they to the nearest.

    >>> report = evaluate_run({"q1": {"a": 1, "b": 0}}, {"q1": {"a": 0.5, "b": 0.7}, "q2": {"c": 1.0}}, ["RR"])
    >>> print(report)
    RR  0.5000  [0.5000, 0.5000]
    RR: trec_eval, ties by document id, high to low, scores compared as float32
    1 query: 0 of the qrels missing from the run (count as 0), 1 of the run
      missing from the qrels (ignored); 0 without a relevant document, 0 with ties
      between different labels; in brackets: 95% bootstrap over queries

    Args:
        qrels: A file of lines ``qid 0 doc_id label``, plain or compressed, or ``{qid: {doc_id: label}}``. Empty
            lines and those that begin with ``#`` do not count.
        run: A file of lines ``qid Q0 doc_id rank score tag``, or ``{qid: {doc_id: score}}``. The rank is not used.
        metrics: Names of ir_measures, as ``"nDCG@10"``, ``"RR"``, ``"AP(rel=2)"``, ``"P@5"``.

    Raises:
        DataError: If a file is not as expected, or has a document twice for one query.
        ConfigError: If a measure is unknown, or only the perl script computes it.
    """
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    if not names:
        raise ConfigError("evaluate_run: expected at least one metric; got none. Pass metrics=['nDCG@10'].")
    for name in names:
        _parse(name, {})  # before anything is read
    labels = _checked(qrels) if isinstance(qrels, Mapping) else read_labels(qrels)
    scores = run if isinstance(run, Mapping) else read_run(run)
    if not labels:
        raise DataError("evaluate_run: expected judged queries; got none. Check the qrels.")
    asked = [_parse(name, labels) for name in dict.fromkeys(names)]
    qids = list(labels)
    judged = {qid: dict(labels[qid]) for qid in qids}
    judged_run = {qid: dict(scores[qid]) for qid in qids if qid in scores}
    place = {qid: i for i, qid in enumerate(qids)}
    per_query, means = {}, {}
    for name, measure, provider in asked:
        # The counts of the qrels take in a query that the run lacks if it is there with an empty ranking.
        given = {qid: judged_run.get(qid, {}) for qid in qids} if measure.NAME in ("NumQ", "NumRel") else judged_run
        aggregate, values = provider.calc([measure], judged, given)
        per_query[name] = np.full(len(qids), np.nan)
        for value in values:
            per_query[name][place[value.query_id]] = value.value
        means[name] = float(aggregate[measure])
    return RunEvaluation(
        per_query=per_query,
        means=means,
        sums=tuple(name for name, measure, _ in asked if type(measure.aggregator()).__name__ == "SumAgg"),
        qids=TextIds(qids),
        computed_by={name: provider.NAME for name, _, provider in asked},
        versions={name: version(name) for name in ("ir-measures", "pytrec-eval-terrier")},
        n_missing_from_run=len(qids) - len(judged_run),
        n_missing_from_qrels=len(set(scores) - set(labels)),
        n_empty=sum(not any(label > 0 for label in judged.values()) for judged in labels.values()),
        n_tied=sum(_ties_matter(labels[qid], ranked) for qid, ranked in judged_run.items()),
    )


def read_labels(path: Readable) -> dict[str, dict[str, int]]:
    """Read qrels as ``{qid: {doc_id: label}}``; labels below 0 stay, as trec_eval's measures tell them from 0.

    Raises:
        DataError: If the file is not as expected, or judges a document twice for one query.
    """
    found: dict[str, dict[str, int]] = {}
    with as_file(path, ".qrels") as file:
        for number, fields in _fields(file, "<qid> 0 <doc_id> <label>", 4, 4):
            label = _number(int, fields[3], "a whole number as label", file, number)
            if abs(label) > GREATEST:
                raise DataError(
                    f"{file}:{number}: expected a label of at most {GREATEST:,} in size; got {fields[3][:60]!r}. "
                    "Mend the line."
                )
            _put(found, fields[0], fields[2], label, file, number)
    return found


def read_run(path: Readable) -> dict[str, dict[str, float]]:
    """Read a run as ``{qid: {doc_id: score}}``.

    Raises:
        DataError: If the file is not as expected, or ranks a document twice for one query.
    """
    found: dict[str, dict[str, float]] = {}
    with as_file(path, ".run") as file:
        # The tag may be several words.
        for number, fields in _fields(file, "<qid> Q0 <doc_id> <rank> <score> <tag>", 6, None):
            score = _number(float, fields[4], "a number as score", file, number)
            if np.isnan(score):
                raise DataError(f"{file}:{number}: expected a number as score; got NaN. Mend the line.")
            _put(found, fields[0], fields[2], score, file, number)
    return found


def _checked(labels: Labels) -> Labels:
    """Judgments of which trec_eval can count each grade: it takes memory for all up to the greatest."""
    for qid, judged in labels.items():
        for doc_id, label in judged.items():
            if not isinstance(label, int | np.integer) or abs(label) > GREATEST:
                raise DataError(
                    f"evaluate_run: expected whole numbers of at most {GREATEST:,} in size as labels; got "
                    f"{str(label)[:60]} for document {doc_id!r} of qid {qid!r}. Mend the label."
                )
    return labels


def _fields(path: Path, form: str, at_least: int, at_most: int | None) -> Any:
    number = 0
    for block in text_blocks(path, BLOCK_SIZE):
        for line in block.data.tobytes().split(b"\n")[:-1]:
            number += 1
            fields = line.split()
            if not fields or line.startswith(b"#"):
                continue
            try:
                words = [field.decode() for field in fields]
            except UnicodeDecodeError as error:
                raise DataError(f"{path}:{number}: expected UTF-8 text; got {error}. Convert the file.") from error
            if len(words) < at_least or (at_most is not None and len(words) > at_most):
                raise DataError(f"{path}:{number}: expected '{form}'; got {' '.join(words)!r}. Mend the line.")
            yield number, words
    if not number:
        raise DataError(f"{path}: expected lines '{form}'; got none. Check the file.")


def _number(kind: Any, text: str, what: str, path: Any, number: int) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise DataError(f"{path}:{number}: expected {what}; got {text!r}. Mend the line.") from error


def _put(found: dict[str, dict[str, Any]], qid: str, doc_id: str, value: Any, path: Any, number: int) -> None:
    documents = found.setdefault(qid, {})
    if doc_id in documents:
        raise DataError(
            f"{path}:{number}: expected a document once for a query; got {doc_id!r} of qid {qid} again. "
            "Take one of the lines out."
        )
    documents[doc_id] = value


def _parse(name: str, labels: Labels) -> _Asked:
    import ir_measures

    metric = re.split(r"[@(]", name)[0]
    if metric in METRICS:
        _, k = parse_metric(name)
        theirs = _IR_MEASURES_NAMES.get(metric)
        hint = f"Write '{theirs}{'' if k is None else f'@{k}'}'" if theirs else "Look the name up there"
        raise ConfigError(
            f"metric: expected a name of ir_measures for qrels and run files; got {name!r}, a name of rankkit. "
            f"{hint}, and mind that its conventions are those of trec_eval."
        )
    try:
        measure = ir_measures.parse_measure(name)
    except (NameError, ValueError, TypeError) as error:
        known = list(ir_measures.measures.registry)
        raise ConfigError(
            f"metric: expected a measure of ir_measures, such as 'nDCG@10'; got {name!r}. {did_you_mean(metric, known)}"
        ) from error
    if measure.NAME == "nDCG" and measure.params.get("dcg") == "exp-log2":
        # ir_measures gives this to the perl script; trec_eval with these gains computes the same, unrounded.
        grades = {label for judged in labels.values() for label in judged.values() if label > 0}
        others = {key: value for key, value in measure.params.items() if key not in ("dcg", "cutoff")}
        exact = ir_measures.nDCG(gains={grade: 2**grade - 1 for grade in sorted(grades)}, **others)
        measure = exact @ measure.params["cutoff"] if "cutoff" in measure.params else exact
    for provider_name in _PROVIDERS:
        provider = ir_measures.providers.registry[provider_name]
        if provider.supports(measure):
            return _Asked(name, measure, provider)
    hint = "rankkit's 'err' on documents with labels computes it" if measure.NAME == "ERR" else "Ask for another one"
    raise ConfigError(
        f"metric: expected a measure that trec_eval or ir_measures itself computes; got {name!r}, which needs another "
        f"program. {hint}."
    )


def _ties_matter(labels: Mapping[str, int], ranked: Mapping[str, float]) -> bool:
    """Whether documents of different label have one score, as float32."""
    scores = np.fromiter(ranked.values(), np.float32, len(ranked))
    grades = np.fromiter((labels.get(doc_id, 0) for doc_id in ranked), np.int64, len(ranked))
    order = np.lexsort((grades, scores))
    scores, grades = scores[order], grades[order]
    return bool(((scores[1:] == scores[:-1]) & (grades[1:] != grades[:-1])).any())
