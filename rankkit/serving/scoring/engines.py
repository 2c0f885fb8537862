"""Engines: what computes the scores of a ranker that is served, its own code or ONNX Runtime, and which is taken."""

import importlib.util
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rankkit.errors import ConfigError, ExportError
from rankkit.export.artefacts.parity import gate, measure
from rankkit.export.runtimes.onnx_file import OnnxSession
from rankkit.export.samples import join, random_rows, sample_rows
from rankkit.export.source import Score, Source
from rankkit.models.scorers.first_layer.gathering import freeze
from rankkit.models.trees import TreeModel
from rankkit.serving.scoring.onnx_process import OnnxWriter

SIZES = (10, 100, 1000)  # documents of the lists that are timed
_FASTER = 1.1  # times as fast another engine has to be: less would be chance
_REPEATS, _SECONDS = 9, 0.2  # how often a list is timed, and how long at most
_MOST_PADDING = 2  # times the documents of some lists that they may take side by side


@dataclass(frozen=True, eq=False)
class Engine:
    """What computes scores.

    Args:
        name: ``"torch"``, ``"onnxruntime"``, or ``"trees"``, rankkit's own for models of trees.
        why: It is taken, in words.
        scores: ``(features [doc, feature], offsets [query + 1]) -> [doc]``.
    """

    name: str
    why: str
    scores: Score


def own_engine(source: Source, why: str = "it was not asked for another one") -> Engine:
    """The ranker's own code; its weights stay as they are from now on."""
    if isinstance(source.model, nn.Module):
        freeze(source.model)
    return Engine("trees" if isinstance(source.model, TreeModel) else "torch", why, source.scores)


def why_not_onnx(source: Source) -> tuple[str, str] | None:
    """Why ONNX Runtime need not be tried, and what to do; None: it can be.

    Libraries are looked for, not imported, as only the process that writes the file needs most of them.
    """
    traced = () if isinstance(source.model, TreeModel) else ("onnxscript",)
    names = ("onnxruntime", "onnx", *traced)
    missing = next((name for name in names if importlib.util.find_spec(name) is None), None)
    return None if missing is None else (f"{missing} is not installed", "Run pip install 'rankkit-torch[export]'.")


def onnx_engine(source: Source, *, missing: bool, writer: OnnxWriter, n_threads: int = 1) -> Engine:
    """ONNX Runtime, once it is proven to give the scores of the ranker on its samples and on some hundred random rows.

    Args:
        source: The ranker.
        missing: Whether it takes missing values.
        writer: Writes it as ONNX.
        n_threads: Threads of one pass.

    Raises:
        ConfigError: If a library is not installed.
        ExportError: If the ranker has no ONNX form, or the scores differ.
        StoppedError: If the writer was stopped.
    """
    if (obstacle := why_not_onnx(source)) is not None:
        reason, action = obstacle
        raise ConfigError(f"engine: expected that onnxruntime can score; got that {reason}. {action}")
    try:
        with tempfile.TemporaryDirectory(prefix="rankkit-onnx-") as folder:
            path = Path(folder) / "ranker.onnx"
            writer.write(source.model, path)
            session = OnnxSession(path, n_threads=n_threads)
    except OSError as error:
        raise ExportError(
            f"engine: expected a folder for temporary files; got {error}. Name one that can be written in TMPDIR."
        ) from error

    def scores(features: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.floating]:
        if not source.listwise:
            return session.scores(features, offsets, listwise=False)
        return _of_lists(session, features, offsets)

    features, offsets = join(sample_rows(source, missing=missing), random_rows(source, missing=missing))
    parity = measure(source.scores(features, offsets), scores(features, offsets))
    gate("onnxruntime", parity, action="Use another engine.")
    return Engine("onnxruntime", f"scores equal to {parity.max_difference:.1g}", scores)


def faster(own: Engine, other: Engine, source: Source) -> Engine:
    """The faster of two engines over lists of 10, 100 and 1,000 documents, with the figures.

    Args:
        own: The ranker's own.
        other: Which gives equal scores.
        source: The ranker.
    """
    own_times, other_times = _times((own.scores, other.scores), source)
    times = float(np.exp(np.mean(np.log(own_times / other_times))))
    figures = f"{times:.2f} times as fast as {own.name} on lists of {SIZES[0]} to {SIZES[-1]:,} documents; {other.why}"
    if times >= _FASTER:
        return replace(other, why=figures)
    return replace(own, why=f"{other.name} is {figures}")


def _times(
    ways: tuple[Score, Score], source: Source, clock: Callable[[], float] = time.perf_counter
) -> NDArray[np.float64]:
    """Median seconds ``[way, size]``, taken in turns, so that whatever else goes on meets all alike."""
    features, _ = random_rows(source, missing=False, n_docs=max(SIZES))
    medians = np.empty((len(ways), len(SIZES)))
    for column, size in enumerate(SIZES):
        rows, offsets = features[:size], np.array([0, size])
        for way in ways:
            way(rows, offsets)  # the first time, memory is taken
        taken: list[list[float]] = []
        end = clock() + _SECONDS
        while len(taken) < 3 or (len(taken) < _REPEATS and clock() < end):
            marks = [clock()]
            for way in ways:
                way(rows, offsets)
                marks.append(clock())
            taken.append(np.diff(marks).tolist())
        medians[:, column] = np.median(taken, axis=0)
    return medians


def _of_lists(session: OnnxSession, features: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
    """Lists side by side, as many as need no more padding than documents: one long list would pad all others."""
    scores = np.empty(len(features), np.float32)
    offsets = np.unique(offsets)  # without lists of no documents, which would be nothing but padding
    sizes = np.diff(offsets).tolist()
    first = 0
    while first < len(sizes):
        last, longest, n_docs = first + 1, sizes[first], sizes[first]
        while last < len(sizes):
            longer = max(longest, sizes[last])
            if (last + 1 - first) * longer > _MOST_PADDING * (n_docs + sizes[last]):
                break
            last, longest, n_docs = last + 1, longer, n_docs + sizes[last]
        start, stop = offsets[first], offsets[last]
        scores[start:stop] = session.scores(features[start:stop], offsets[first : last + 1] - start, listwise=True)
        first = last
    return scores
