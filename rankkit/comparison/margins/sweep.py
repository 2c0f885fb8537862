"""sweep_margins(): one objective trained with many margins, and what each does to verification."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from rankkit.comparison.margins.checks import RULES, WHERE, check_margins, check_options, check_parts, check_sweepable
from rankkit.comparison.margins.results import MarginRun, MarginSweep
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.distances import Distance, nearness
from rankkit.errors import ConfigError
from rankkit.files.disk import keeping
from rankkit.files.places import check_place
from rankkit.files.records import read_json, write_json
from rankkit.models.encoders import Encoder, embed
from rankkit.objectives import Objective
from rankkit.sampling import random_triplets
from rankkit.similarity import choose_threshold, evaluate_retrieval, verify
from rankkit.tasks.gradient.objectives import objective_name
from rankkit.tasks.similarity.build import with_margin
from rankkit.training import fit_encoder

RUNS = "runs.json"
"""The file in ``out`` that holds the finished runs."""

# Times the suggested margin. That of contrastive is as far as unrelated classes get: little above it can be reached.
_FACTORS = {"pairs": (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2), "triplets": (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)}
_N_TRIPLETS = 20_000  # a share of so many is known to .0035


def sweep_margins(
    objective: Callable[..., Tensor],
    encoder: Callable[[int], nn.Module],
    train: LabelledExamples,
    valid: LabelledExamples,
    test: LabelledExamples,
    *,
    margins: Sequence[float] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
    training: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
) -> MarginSweep:
    """Train an encoder with each margin and each seed, and measure verification of classes that it has not seen.

    Each run is one :func:`rankkit.fit_encoder`, which keeps the epoch with the best ``map_at_r`` on ``valid``. The
    equal error rate on ``valid`` says which margin is best; ``test`` is only measured.

    Args:
        objective: Of pairs or triplets, with a margin: :func:`rankkit.triplet_loss`, :func:`rankkit.contrastive_loss`,
            or an ``Objective`` of one with further options.
        encoder: Builds an untrained encoder from a seed: ``lambda seed: ConvEncoder((1, 28, 28), seed=seed)``.
        train: Examples to train on.
        valid: Examples of other classes, to choose epoch, threshold and margin on.
        test: Examples of other classes again.
        margins: In the unit of the encoder's distance; None: the margin that :func:`suggest_margin` gives for an
            untrained encoder, and halves and doubles of it.
        seeds: Of weights, batches and draws, the same for each margin.
        training: Options of :func:`rankkit.fit_encoder`, such as ``{"epochs": 20, "augment": RandomAffine()}``.
        out: Folder in which ``runs.json`` keeps what is finished; None keeps nothing.
        resume: Go on with what ``out`` holds: the same sweep, or one of other margins or seeds.
        progress: Write a line to stderr after each run.

    Returns:
        A row for each margin and seed; printing it gives a table of means.

    Raises:
        ConfigError: If the objective has no margin to sweep, an option cannot work, or ``out`` holds another sweep.
        DiskError: If ``out`` cannot be written to.
        DataError: If a class is in two parts, or as :func:`rankkit.fit_encoder`.

    Example:
        >>> from rankkit.models.encoders import MLPEncoder
        >>> from rankkit.loaders.examples.files import read_labelled
        >>> from rankkit.objectives.embedding import triplet_loss
        >>> rest, test = read_labelled("digits").split_classes(0.3, seed=0)
        >>> train, valid = rest.split_classes(0.3, seed=0)
        >>> sweep = sweep_margins(
        ...     triplet_loss,
        ...     lambda seed: MLPEncoder((1, 8, 8), hidden=(8,), distance="squared_euclidean", seed=seed),
        ...     *(train, valid, test),
        ...     margins=[0.1, 0.4],
        ...     seeds=[0],
        ...     training={"epochs": 1, "device": "cpu"},
        ...     progress=False,
        ... )
        >>> sweep.to_pandas()["margin"].tolist()
        [0.1, 0.4]
    """
    if out is not None:
        check_place(out, "folder")
    options = dict(training or {})
    takes = check_sweepable(objective)
    check_parts({"train": train, "valid": valid, "test": test})
    check_options(options, seeds)
    first = encoder(seeds[0])
    distance: Distance = first.distance  # type: ignore[assignment]
    if not isinstance(distance, nn.Module) or distance.nearer == "larger":
        raise ConfigError(
            f"{WHERE}: expected an encoder with a distance whose smaller values are nearer, for a margin; got "
            f"{getattr(distance, 'name', distance)}. Build it with distance='euclidean' or 'cosine'."
        )
    suggested = with_margin(RULES[takes], {}, first, train)["margin"]
    chosen = margin_grid(suggested, takes) if margins is None else check_margins(margins)
    function = getattr(objective, "function", objective)
    bound = {name: value for name, value in getattr(objective, "options", {}).items() if name != "margin"}
    name = objective_name(objective).removesuffix("_loss")
    identity = {
        "objective": name,
        "options": repr(bound),
        "encoder": {name: value for name, value in getattr(first, "options", {}).items() if name != "seed"},
        "training": {name: repr(value) for name, value in options.items()},
        "data": [part.fingerprint for part in (train, valid, test)],
    }
    folder = None if out is None else Path(out)
    finished = _finished_runs(folder, identity, resume=resume)
    todo = [(margin, int(seed)) for margin in chosen for seed in seeds if (margin, int(seed)) not in finished]
    start = time.monotonic()
    for place, (margin, seed) in enumerate(todo, start=1):
        network = encoder(seed)
        called = Objective(function, **bound, margin=margin)
        fit_encoder(network, called, train, valid, seed=seed, progress=progress, **options)
        run = _measure(network, takes, margin, seed, (train, valid, test))
        finished[margin, seed] = run
        if folder is not None:
            kept = f"{len(finished) - 1} runs are kept in it."
            with keeping(kept, "Make room, then go on with resume=True."):
                write_json(folder / RUNS, {**identity, "runs": [asdict(run) for run in finished.values()]})
        if progress:
            left = (time.monotonic() - start) / place * (len(todo) - place)
            sys.stderr.write(
                f"[{place}/{len(todo)}] margin {margin:g}, seed {seed}: valid EER {run.valid_eer:.4f}, "
                f"active {run.active:.3f}; about {left:.0f} s left\n"
            )
            sys.stderr.flush()
    raw = verify(test.inputs.reshape(len(test), -1), test.labels, distance="euclidean")
    return MarginSweep(
        objective=name,
        takes=takes,
        distance=distance.name,
        suggested=suggested,
        rows=tuple(finished[margin, int(seed)] for margin in chosen for seed in seeds),
        raw_eer=raw.eer,
        n_classes=(train.n_classes, valid.n_classes, test.n_classes),
    )


def margin_grid(suggested: float, takes: str) -> tuple[float, ...]:
    """Margins around a suggested one, which is rounded to two digits.

    >>> margin_grid(0.197, "triplets")
    (0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
    """
    middle = float(f"{suggested:.2g}")
    return tuple(float(f"{middle * factor:.3g}") for factor in _FACTORS[takes])


def _measure(
    encoder: nn.Module, takes: str, margin: float, seed: int, parts: tuple[LabelledExamples, ...]
) -> MarginRun:
    train, valid, test = parts
    of_train, of_valid, of_test = (embed(cast(Encoder, encoder), part.inputs) for part in parts)
    distance: Distance = encoder.distance  # type: ignore[assignment]
    threshold = choose_threshold(of_valid, valid.labels, distance=distance)
    report = verify(of_test, test.labels, distance=distance, threshold=threshold)
    retrieval = evaluate_retrieval(of_test, test.labels, ["map_at_r"], distance=distance)
    return MarginRun(
        margin=margin,
        seed=seed,
        valid_eer=verify(of_valid, valid.labels, distance=distance).eer,
        eer=report.eer,
        area=report.area,
        far=cast(float, report.far),
        frr=cast(float, report.frr),
        map_at_r=retrieval.means["map_at_r"],
        active=_active_share(torch.from_numpy(of_train), train, distance, takes, margin),
    )


def _active_share(embeddings: Tensor, train: LabelledExamples, distance: Distance, takes: str, margin: float) -> float:
    """Share of triplets, or of pairs of two classes, that still have a loss: of training examples drawn anew.

    What mining reports will not do here: semi-hard triplets are all active by their definition.
    """
    anchor, positive, negative = (
        torch.from_numpy(rows) for rows in random_triplets(train.labels, _N_TRIPLETS, np.random.default_rng(0))
    )
    device = next((weights.device for weights in cast(nn.Module, distance).parameters()), embeddings.device)
    rows = embeddings.to(device)
    with torch.no_grad():
        apart = -nearness(distance, distance.pairwise(rows[anchor], rows[negative]))
        own = -nearness(distance, distance.pairwise(rows[anchor], rows[positive])) if takes == "triplets" else 0.0
    return float((own - apart + margin > 0).double().mean())


def _finished_runs(
    folder: Path | None, identity: dict[str, Any], *, resume: bool
) -> dict[tuple[float, int], MarginRun]:
    if folder is None:
        if resume:
            raise ConfigError(f"{WHERE}: expected out, the folder to go on in, with resume; got none. Name it.")
        return {}
    if not (folder / RUNS).exists():
        return {}
    if not resume:
        raise ConfigError(
            f"{folder}: expected a folder without a sweep; it holds one. "
            "Choose another, go on with resume, or delete it."
        )
    saved = read_json(folder / RUNS)
    for name, value in identity.items():
        if saved.get(name) != value:
            raise ConfigError(
                f"{folder}: expected a sweep of the same {name} to go on with; it holds one with {saved.get(name)!r}, "
                f"not {value!r}. Choose another folder."
            )
    return {(run["margin"], run["seed"]): MarginRun(**run) for run in saved["runs"]}
