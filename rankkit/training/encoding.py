"""fit_encoder(): what a run trains is an encoder, on labelled examples."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError
from rankkit.evaluation import metric_name
from rankkit.evaluation.names import Metric
from rankkit.files.places import check_place
from rankkit.models.encoders import Encoder, embed
from rankkit.models.encoders.caching import refuse_batch_norm
from rankkit.objectives.embedding import Prototypes
from rankkit.sampling import CrossBatchMemory
from rankkit.similarity import evaluate_retrieval
from rankkit.training.callbacks import Callback
from rankkit.training.embedding_steps import EmbeddingStep
from rankkit.training.encoder_checks import (
    check_encoder,
    check_examples,
    check_memory,
    check_views,
    examples_per_class,
    margin_of,
    mining_rule,
    options_of_the_call,
    with_options,
)
from rankkit.training.example_batches import ExampleBatches, ExampleBlame, ExampleFeed
from rankkit.training.history import History
from rankkit.training.known import draws_only_from_the_run
from rankkit.training.loop import Work, open_folder, run_work
from rankkit.training.settings import (
    Precision,
    ScheduleName,
    Settings,
    check_counts,
    check_from_0,
    check_name,
    default_learning_rate,
    module_of,
    objective_name,
    objective_options,
    resolve_device,
)
from rankkit.training.trial import try_objective

Views = Literal["classes", "augmented"]


def fit_encoder(
    encoder: nn.Module,
    objective: str | Callable[..., Tensor],
    train: LabelledExamples,
    valid: LabelledExamples | None = None,
    *,
    metric: Metric = "map_at_r",
    epochs: int | None = None,
    batch_classes: int = 16,
    per_class: int | None = None,
    mining: str | None = None,
    augment: Callable[[Tensor], Tensor] | None = None,
    views: Views = "classes",
    chunk_size: int | None = None,
    memory: int = 0,
    optimizer: str | Callable[..., Optimizer] = "adamw",
    optimizer_options: Mapping[str, Any] | None = None,
    learning_rate: float | None = None,
    weight_decay: float = 0.01,
    momentum: float = 0.9,
    schedule: ScheduleName | Callable[[float], float] = "one_cycle",
    warmup: float = 0.3,
    clip_norm: float | None = None,
    patience: int | None = None,
    precision: Precision = "fp32",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_every: float = 300.0,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> History:
    """Train an encoder in place, so that examples of one class lie near each other by ``encoder.distance``.

    A batch has ``batch_classes`` classes with ``per_class`` examples of each. What an objective is called with follows
    from its ``takes``: pairs or triplets that ``mining`` finds in the batch, two views, or all embeddings with their
    classes. An objective that takes a distance gets that of the encoder. Any ranking objective trains an encoder too:
    each example is a query, the others of the batch are its documents, those of its class are relevant.

    Everything else is as in :func:`rankkit.fit`: best epoch kept, checkpoints, resume, Ctrl-C, equal seeds give equal
    weights. ``History`` has two more columns: ``active``, the share of the pairs or triplets whose loss is above 0,
    and ``spread``, the root mean squared distance within a batch; a warning tells of collapse, when all come together.

    Args:
        encoder: A module that keeps to :class:`rankkit.models.encoders.Encoder`, such as :class:`rankkit.ConvEncoder`.
        objective: Such as ``"supcon"`` or :func:`rankkit.supcon_loss`; with options as
            ``Objective(triplet_loss, margin=0.3)``.
        train: Labelled training examples.
        valid: Labelled validation examples, best of classes that are not in ``train``; nothing is fitted on them.
        metric: Ranking metric that selects the epoch: each validation example is a query, the others are ranked by
            ``encoder.distance``, those of its class are relevant.
        epochs: Passes over the training data, at most; None: 15, or on small data as many as make 300 steps.
        batch_classes: Classes of a batch, at most.
        per_class: Examples of each; None: 4, or 2 for an objective that takes two views.
        mining: Which pairs or triplets of a batch count; None: ``"balanced"`` pairs (as many different ones as alike),
            ``"semi_hard"`` triplets, or ``"all"`` where the objective has no margin. Others: see
            :func:`rankkit.mine_pairs` and :func:`rankkit.mine_triplets`.
        augment: Changes the inputs ``[n, ...]`` of each batch at random, such as :class:`rankkit.RandomAffine`. One
            of your own should draw from torch's global generators, which are seeded for it: a resumed run puts back no
            other.
        views: ``"classes"``: the two views are two examples of a class; ``"augmented"``: they are one example,
            augmented twice, and labels are not looked at.
        chunk_size: Examples that are embedded at a time, for batches beyond memory; the gradients stay those of the
            whole batch (gradient caching). None: all at once.
        memory: How many embeddings of earlier batches to compare with as well, for objectives of pairs and rankings
            (cross-batch memory) and for ``info_nce_loss``, whose negatives they become (MoCo's queue, with the encoder
            itself in place of its slow copy). 0: none.
        optimizer: As in ``fit``.
        optimizer_options: As in ``fit``.
        learning_rate: The highest of the schedule; None: what the encoder's class suggests.
        weight_decay: As in ``fit``.
        momentum: As in ``fit``.
        schedule: As in ``fit``.
        warmup: As in ``fit``.
        clip_norm: As in ``fit``.
        patience: As in ``fit``.
        precision: As in ``fit``.
        device: As in ``fit``.
        seed: As in ``fit``.
        out: As in ``fit``.
        resume: As in ``fit``.
        checkpoint_every: As in ``fit``.
        callbacks: As in ``fit``.
        progress: As in ``fit``.

    Returns:
        The course of the run.

    Raises:
        ConfigError: If options do not fit, or ``out`` holds a run and ``resume`` is False.
        DataError: If a part has too few classes or examples, or inputs that the encoder does not take.
        TrainingError: If the loss is not finite, or the checkpoint belongs to another run.
        DiskError: If ``out`` cannot be written to: at once where that is known, else with what is saved.
        TrainingInterrupted: After Ctrl-C, with the run saved.

    Example:
        >>> from rankkit.models.encoders import MLPEncoder
        >>> from rankkit.loaders.examples.files import read_labelled
        >>> from rankkit.objectives.embedding import supcon_loss
        >>> seen, unseen = read_labelled("digits").split_classes(0.3, seed=0)
        >>> encoder = MLPEncoder(seen.input_shape, distance="cosine", seed=0)
        >>> fit_encoder(encoder, supcon_loss, seen, unseen, epochs=1, device="cpu").metric
        'map_at_r'
    """
    if out is not None:
        check_place(out, "folder")
    chosen = with_options(objective)
    selected = metric_name("fit_encoder", metric)
    takes = str(getattr(chosen, "takes", "lists"))
    check_name("views", views, ("classes", "augmented"))
    check_encoder(encoder)
    n_per_class = examples_per_class(takes) if per_class is None else per_class
    batches = ExampleBatches(batch_classes, n_per_class, two_views=views == "augmented")
    check_views(takes, views, batch_classes, n_per_class, augment)
    check_examples(cast(Encoder, encoder), train, valid, labels_count=views == "classes")
    settings = Settings(
        metric=selected,
        epochs=default_encoder_epochs(batches.n_batches(train.labels)) if epochs is None else epochs,
        optimizer=optimizer,
        optimizer_options=optimizer_options,
        learning_rate=default_learning_rate(encoder) if learning_rate is None else learning_rate,
        weight_decay=weight_decay,
        momentum=momentum,
        schedule=schedule,
        warmup=warmup,
        clip_norm=clip_norm,
        patience=patience,
        precision=precision,
        seed=seed,
    )
    check_from_0("checkpoint_every", checkpoint_every)
    place = resolve_device(device)
    try_objective(chosen)
    if patience is not None and valid is None:
        raise ConfigError(
            "fit_encoder: expected validation data with patience; got none. Pass valid, or drop patience."
        )
    if chunk_size is not None:
        check_counts({"chunk_size": chunk_size})
        encoder.train()
        refuse_batch_norm("fit_encoder: chunk_size", encoder)
    check_memory(chosen, takes, memory)
    margin = margin_of(chosen)
    mined = mining_rule(takes, mining, margin)
    called_with = options_of_the_call(takes, chosen, cast(Encoder, encoder).distance)
    identity = {
        **_identity(encoder, chosen, train, valid, augment),
        **vars(batches),
        "mining": mined,
        "chunk_size": chunk_size,
        "memory": memory,
        **settings.identity(),
    }
    folder, saved = open_folder(out, identity, resume=resume, every=checkpoint_every)

    learnt, called = _with_prototypes(chosen, takes, train, cast(Encoder, encoder), seed)
    remembered = CrossBatchMemory(memory, cast(Encoder, encoder).n_dims) if memory else None
    if remembered is not None:  # a checkpoint holds it, so that a resumed run compares with the same
        learnt = nn.ModuleDict({"memory": remembered, **({} if learnt is None else {"objective": learnt})})
    step = EmbeddingStep(
        objective=called,
        takes=takes,
        options=called_with,
        mining=mined,
        margin=margin,
        augment=augment,
        two_views=views == "augmented",
        chunk_size=chunk_size,
        precision=precision,
        memory=remembered,
    )
    feed = ExampleFeed(train, place)

    def plan(epoch: int) -> list[NDArray[np.int64]]:
        return batches.plan(train.labels, np.random.default_rng([seed, epoch]))

    work = Work(
        model=encoder,
        objective=learnt,
        plan=plan,
        take=feed.take,
        step=step,
        validate=None if valid is None else lambda: _validate(encoder, valid, selected),
        explain=ExampleBlame(encoder, feed, settings.learning_rate),
        n_docs=sum(map(len, plan(1))),
        draws_globally=not draws_only_from_the_run(encoder, chosen, augment),
        facts=lambda: step.facts,
    )
    return run_work(work, settings, place, folder, saved, [*callbacks], progress=progress)


def default_epochs_of(train: LabelledExamples, objective: Callable[..., Tensor], training: Mapping[str, Any]) -> int:
    """The epochs that :func:`fit_encoder` runs with these of its options, where they name none."""
    takes = getattr(with_options(objective), "takes", "lists")
    per_class = training.get("per_class") or examples_per_class(takes)
    two_views = training.get("views") == "augmented"
    batches = ExampleBatches(training.get("batch_classes", 16), per_class, two_views=two_views)
    return default_encoder_epochs(batches.n_batches(train.labels))


def default_encoder_epochs(n_batches: int) -> int:
    """15 epochs, or as many as make 300 steps.

    >>> default_encoder_epochs(100), default_encoder_epochs(10)
    (15, 30)
    """
    return max(15, math.ceil(300 / max(1, n_batches)))


def _with_prototypes(
    objective: Callable[..., Tensor], takes: str, train: LabelledExamples, encoder: Encoder, seed: int
) -> tuple[nn.Module | None, Callable[..., Tensor]]:
    """What learns along, and the objective as a step calls it: with a prototype a class where it takes some."""
    own = module_of(objective)
    if takes != "prototypes":
        return own, objective
    prototypes = Prototypes(train.n_classes, encoder.n_dims, seed=seed)

    def called(embeddings: Tensor, *, classes: Tensor, **options: Any) -> Tensor:
        return objective(embeddings, classes=classes, prototypes=prototypes.weight, **options)

    return nn.ModuleDict({"prototypes": prototypes, **({} if own is None else {"objective": own})}), called


def _validate(encoder: nn.Module, valid: LabelledExamples, metric: str) -> float:
    embeddings = embed(cast(Encoder, encoder), valid.inputs)
    distance: Any = encoder.distance
    return evaluate_retrieval(embeddings, valid.labels, [metric], distance=distance).means[metric]


def _identity(
    encoder: nn.Module,
    objective: Callable[..., Tensor],
    train: LabelledExamples,
    valid: LabelledExamples | None,
    augment: object,
) -> dict[str, Any]:
    """What a run is, besides its settings: a checkpoint is refused where one of these differs."""
    return {
        "training data": train.fingerprint,
        "validation data": None if valid is None else valid.fingerprint,
        "encoder": type(encoder).__name__,
        **{f"encoder.{name}": _plain(value) for name, value in getattr(encoder, "options", {}).items()},
        "objective": objective_name(objective),
        **{f"objective.{name}": value for name, value in objective_options(objective).items()},
        "augment": _plain(augment),
    }


def _plain(value: object) -> object:
    """What JSON holds as it is; modules and functions as text, without their place in memory."""
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
