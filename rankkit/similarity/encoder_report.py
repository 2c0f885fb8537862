"""evaluate_encoder(): retrieval, few-shot episodes and verification of one encoder, each beside the raw inputs."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.distances import Distance
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.evaluation.report import Evaluation
from rankkit.models.encoders import Encoder, embed
from rankkit.similarity.comparing import flat_inputs
from rankkit.similarity.few_shot import FewShotReport, Rule, evaluate_few_shot
from rankkit.similarity.retrieval import evaluate_retrieval, lone_anchors
from rankkit.similarity.thresholds import MAX_PAIRS, ThresholdRule, choose_threshold
from rankkit.similarity.verification import VerificationReport, verify

_WHERE = "evaluate_encoder"


@dataclass(frozen=True, repr=False, eq=False)
class SimilarityReport:
    """What :func:`evaluate_encoder` returns; printing it gives one table.

    Args:
        retrieval: By the embeddings, each example an anchor.
        raw_retrieval: By the raw inputs and Euclidean distance.
        few_shot: One a number of ways; each holds the raw inputs' accuracies too.
        left_out: Why there is no such few-shot report, by its name.
        verification: By the embeddings.
        raw_verification: By the raw inputs and Euclidean distance, with a threshold of its own.
        distance: Name of the encoder's distance.
        n_examples: How many were measured.
        n_classes: Of how many classes.
        n_lone: Examples whose class has no other: as anchors they are left out of the retrieval means.
    """

    retrieval: Evaluation
    raw_retrieval: Evaluation
    few_shot: tuple[FewShotReport, ...]
    left_out: dict[str, str]
    verification: VerificationReport
    raw_verification: VerificationReport
    distance: str
    n_examples: int
    n_classes: int
    n_lone: int

    @property
    def means(self) -> dict[str, float]:
        """Every number of the embeddings by name: metrics, ``"5-way 1-shot"``, ``"eer"``, ``"area"``."""
        return {name: value for name, value, _, _, _ in self._rows()}

    @property
    def raw_means(self) -> dict[str, float]:
        """The same numbers of the raw inputs."""
        return {name: value for name, _, _, value, _ in self._rows()}

    def to_dict(self) -> dict[str, Any]:
        """Everything, of plain types; None stands for NaN."""
        facts = ("distance", "n_examples", "n_classes", "n_lone", "left_out")
        return {
            "retrieval": self.retrieval.to_dict(),
            "raw_retrieval": self.raw_retrieval.to_dict(),
            "few_shot": [report.to_dict() for report in self.few_shot],
            "verification": self.verification.to_dict(),
            "raw_verification": self.raw_verification.to_dict(),
            **{name: getattr(self, name) for name in facts},
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        means = ", ".join(f"{name}={value:.4f}" for name, value in self.means.items())
        return f"SimilarityReport({means}; {self.n_examples:,} examples of {self.n_classes:,} classes)"

    def __str__(self) -> str:
        rows = [("", f"embeddings ({self.distance})", "raw inputs (euclidean)")]
        rows += [(name, _cell(own, around), _cell(raw, near)) for name, own, around, raw, near in self._rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*table, *(textwrap.fill(note, 80, subsequent_indent="  ") for note in self._notes())])

    def _rows(self) -> list[tuple[str, float, tuple[float, float] | None, float, tuple[float, float] | None]]:
        """Name, embeddings' value and interval, raw inputs' value and interval."""
        rows: list[Any] = [
            (
                name,
                mean,
                self.retrieval.intervals[name],
                self.raw_retrieval.means[name],
                self.raw_retrieval.intervals[name],
            )
            for name, mean in self.retrieval.means.items()
        ]
        rows += [
            (report.name, report.accuracy, report.interval, report.raw_accuracy, report.raw_interval)
            for report in self.few_shot
        ]
        for name in ("eer", "area", "far", "frr"):
            own, raw = getattr(self.verification, name), getattr(self.raw_verification, name)
            if own is not None:
                rows.append((name, own, None, raw, None))
        return rows

    def _notes(self) -> list[str]:
        lone = f", {self.n_lone:,} of them alone in their class" if self.n_lone else ""
        notes = [
            f"{self.n_examples:,} examples of {self.n_classes:,} classes{lone}",
            f"retrieval: {self.retrieval.convention}; in brackets: 95% bootstrap over anchors",
            *(
                f"{report.name}: gain {report.gain:+.4f} [{report.gain_interval[0]:+.4f}, "
                f"{report.gain_interval[1]:+.4f}]; {report.convention}"
                for report in self.few_shot
            ),
            *(f"{name}: left out, {why}" for name, why in self.left_out.items()),
            f"verification of embeddings: {self.verification.convention}",
        ]
        if self.raw_verification.threshold is not None:
            notes.append(f"verification of raw inputs: {self.raw_verification.threshold}")
        return notes


def evaluate_encoder(
    encoder: Encoder,
    examples: LabelledExamples,
    *,
    valid: LabelledExamples | None = None,
    metrics: Sequence[str] = ("map_at_r", "hit_rate@1", "mrr"),
    ways: int | Sequence[int] = (5, 20),
    shots: int = 1,
    n_queries: int = 5,
    n_episodes: int = 600,
    rule: Rule = "prototype",
    threshold_rule: ThresholdRule = "eer",
    max_far: float = 0.01,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
    batch_size: int = 1024,
    device: torch.device | str | None = None,
) -> SimilarityReport:
    """Embed examples and measure what the embeddings are good for, always beside the raw inputs.

    Distances are those of ``encoder.distance``; raw inputs are compared as they are, by Euclidean distance. Give
    examples of classes that the encoder was not trained on, or say that it was. Numbers of ways for which there are
    too few classes are left out, and the report says why.

    Args:
        encoder: Its training flags and its device are afterwards as before.
        examples: What to measure on.
        valid: Validation examples, on which the verification thresholds are chosen; None: no rates at a threshold.
        metrics: For :func:`evaluate_retrieval`.
        ways: Classes in an episode, one report a number.
        shots: For :func:`evaluate_few_shot`, as the next three.
        n_queries: Examples of a class to classify.
        n_episodes: How many, for each number of ways.
        rule: How shots represent a class.
        threshold_rule: For :func:`choose_threshold`.
        max_far: For ``threshold_rule="far"``.
        max_pairs: For :func:`verify` and :func:`choose_threshold`.
        seed: Of episodes and sampled pairs: equal seeds give equal ones for every encoder.
        batch_size: How many inputs to embed at once.
        device: Where to embed; None: where the encoder is.

    Raises:
        ConfigError: If an option is unknown, or ``valid`` holds the examples that are measured.
        ShapeError: If the inputs are not what the encoder takes.
        DataError: If an embedding is not finite, or the examples are of one class, or all alone in theirs.

    Example:
        >>> from rankkit.models.encoders import MLPEncoder
        >>> inputs = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
        >>> examples = LabelledExamples(inputs, np.arange(30) % 3, ("a", "b", "c"))
        >>> report = evaluate_encoder(MLPEncoder(4, n_dims=2, seed=0), examples, ways=(3, 20), n_episodes=10)
        >>> list(report.means)
        ['map_at_r', 'hit_rate@1', 'mrr', '3-way 1-shot', 'eer', 'area']
        >>> list(report.left_out)
        ['20-way 1-shot']
    """
    check_given(_WHERE, "examples", examples, LabelledExamples)
    if valid is not None:
        check_given(_WHERE, "valid", valid, LabelledExamples)
    if valid is not None and (valid is examples or valid.fingerprint == examples.fingerprint):
        raise ConfigError(
            f"{_WHERE}: expected validation examples other than those measured; got the same. Error rates at a "
            "threshold chosen on them would be too good. Split them, or leave valid out."
        )
    where_to = {"batch_size": batch_size, "device": device}
    embeddings = torch.from_numpy(embed(encoder, examples.inputs, **where_to))  # type: ignore[arg-type]
    raw = flat_inputs(_WHERE, examples.inputs)
    both: tuple[tuple[Tensor, str | Distance], ...] = ((embeddings, encoder.distance), (raw, "euclidean"))
    own, beside = (evaluate_retrieval(rows, examples.labels, metrics, distance=by) for rows, by in both)
    few_shot, left_out = [], {}
    for number in [ways] if isinstance(ways, int) else list(dict.fromkeys(ways)):
        try:
            few_shot.append(
                evaluate_few_shot(
                    embeddings,
                    examples.labels,
                    raw_inputs=raw,
                    distance=encoder.distance,
                    ways=number,
                    shots=shots,
                    n_queries=n_queries,
                    n_episodes=n_episodes,
                    rule=rule,
                    seed=seed,
                )
            )
        except DataError as error:  # too few classes: anything else has been found above
            left_out[f"{number}-way {shots}-shot"] = str(error).removeprefix("draw_episodes: ")
    thresholds: list[Any] = [None, None]
    if valid is not None:
        seen = torch.from_numpy(embed(encoder, valid.inputs, **where_to)), flat_inputs(_WHERE, valid.inputs)  # type: ignore[arg-type]
        chosen = {"rule": threshold_rule, "max_far": max_far, "max_pairs": max_pairs, "seed": seed}
        thresholds = [
            choose_threshold(rows, valid.labels, distance=by, **chosen)  # type: ignore[arg-type]
            for rows, (_, by) in zip(seen, both, strict=True)
        ]
    verification, raw_verification = (
        verify(rows, examples.labels, distance=by, threshold=threshold, max_pairs=max_pairs, seed=seed)
        for (rows, by), threshold in zip(both, thresholds, strict=True)
    )
    return SimilarityReport(
        retrieval=own,
        raw_retrieval=beside,
        few_shot=tuple(few_shot),
        left_out=left_out,
        verification=verification,
        raw_verification=raw_verification,
        distance=encoder.distance.name,
        n_examples=examples.n_examples,
        n_classes=examples.n_classes,
        n_lone=int(np.sum(lone_anchors(examples.labels, examples.labels, True))),
    )


def _cell(value: float, interval: tuple[float, float] | None) -> str:
    return f"{value:.4f}" if interval is None else f"{value:.4f}  [{interval[0]:.4f}, {interval[1]:.4f}]"
