"""fit(): what a run trains is a scorer, on lists of documents."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError
from rankkit.evaluation import evaluate, metric_name
from rankkit.evaluation.names import Metric
from rankkit.files.places import check_place
from rankkit.models.scorers import Scorer
from rankkit.training.batches import ListBatches
from rankkit.training.callbacks import Callback
from rankkit.training.device_batches import Feed
from rankkit.training.given import check_is_dataset, check_scorer, objective_of
from rankkit.training.history import History
from rankkit.training.informative import check_informative
from rankkit.training.known import draws_only_from_the_run
from rankkit.training.loop import Work, open_folder, run_work
from rankkit.training.nonfinite import ListBlame
from rankkit.training.settings import (
    Precision,
    ScheduleName,
    Settings,
    check_data,
    check_from_0,
    check_objective,
    default_epochs,
    default_learning_rate,
    module_of,
    objective_name,
    objective_options,
    resolve_device,
)
from rankkit.training.steps import ranking_step
from rankkit.training.trial import try_objective


def fit(
    scorer: nn.Module,
    objective: str | Callable[..., Tensor],
    train: RankingDataset,
    valid: RankingDataset | None = None,
    *,
    metric: Metric = "ndcg@10",
    epochs: int | None = None,
    batch_queries: int = 64,
    batch_docs: int = 16384,
    length_window: int = 8,
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
    """Train a scorer in place; it ends with the weights of the epoch that was best on the validation data.

    Without validation data it ends with those of the last epoch. The scorer's transform is fitted on ``train`` if it
    is not fitted yet. The same seed, machine and number of threads give the same weights, also where several runs
    train at once in threads; torch's global random state is left as it was. A scorer or an objective of your own may
    draw from it: it is then seeded for each step, and such runs take turns. The scorer stays on the device that
    trained it.

    Args:
        scorer: A module that keeps to :class:`rankkit.models.scorers.Scorer`, as :class:`rankkit.MLPScorer` does; or
            one that takes features alone and gives one output a document, such as ``nn.Linear(n_features, 1)``.
        objective: A name, as ``"ranknet"``, or any function ``(scores, labels, mask, *, weights=None) -> loss`` over
            padded lists. A module with weights of its own, such as :class:`rankkit.DualLearning`, is trained along with
            the scorer. Pointwise losses of torch, such as ``nn.MSELoss()``, leave padded documents out and reduce over
            the documents of a batch.
        train: Labelled training data. Its weights, if any, go to the objective.
        valid: Labelled validation data; nothing is fitted on it.
        metric: Validation metric that selects the epoch; the higher the better. In Python a function of rankkit too.
        epochs: Passes over the training data, at most; None: 15, or on small data as many as make 120 steps.
        batch_queries: Queries of a batch, at most.
        batch_docs: Documents of a batch, at most; a query with more goes alone.
        length_window: How many batches' worth of shuffled queries are sorted by list size before they are cut into
            batches of lists of like length; 1 mixes all lengths.
        optimizer: "adamw", "adam", "sgd", "adagrad", or the name of another class of ``torch.optim``, as "RMSprop". In
            Python also a function of the groups of weights, as ``lambda params: torch.optim.RMSprop(params)``; their
            learning rate is set by the schedule.
        optimizer_options: Keywords of that class, as ``{"alpha": 0.9}``.
        learning_rate: The highest of the schedule; None: 0.002 for an MLP, 0.05 for a linear scorer.
        weight_decay: Of matrices, not of biases and norms, where the optimizer has it; decoupled from the gradient in
            "adamw".
        momentum: Of "sgd".
        schedule: "one_cycle" (cosine up, cosine down), "cosine" or "linear" (down after a linear warm-up), "constant".
            In Python also a function of the part of the run that is done, from 0 to 1, to a factor of the learning
            rate.
        warmup: Fraction of the run in which the learning rate rises, of a named schedule.
        clip_norm: Largest norm of the gradient, all weights together; None: unlimited.
        patience: Epochs without a better validation value after which training stops; None: never.
        precision: "bf16" runs the scorer under autocast; the objective and the weights stay float32.
        device: "auto" (CUDA if there is any), "cpu", "cuda" or "cuda:1".
        seed: Of the batches and the dropout. The weights were drawn when the scorer was built.
        out: Folder for metrics.jsonl (a line an epoch) and checkpoint.pt, or None.
        resume: Go on from the checkpoint in ``out``, bit for bit on the CPU; without one, start. A finished run
            returns at once.
        checkpoint_every: Seconds between checkpoints inside an epoch (0: one a step); there is always one after each.
        callbacks: Observers of steps and epochs.
        progress: Show a progress bar where stderr is a terminal.

    Returns:
        The course of the run.

    Raises:
        ConfigError: If options do not fit, or ``out`` holds a run and ``resume`` is False.
        DataError: If a part is empty or unlabelled, has other features than the scorer takes, or no query can teach
            the objective anything. That nine tenths teach nothing is a :class:`rankkit.DataWarning`.
        TrainingError: If the loss is not finite, or the checkpoint belongs to another run.
        DiskError: If ``out`` cannot be written to: at once where that is known, else with what is saved.
        TrainingInterrupted: After Ctrl-C, with the run saved; a ``KeyboardInterrupt`` that carries the history.

    Example:
        >>> from rankkit.data.synthetic import make_ranking
        >>> from rankkit.objectives import softmax_loss
        >>> from rankkit.models.scorers import LinearScorer
        >>> train, valid = make_ranking(30, seed=1), make_ranking(20, seed=2)
        >>> history = fit(LinearScorer(train.n_features), softmax_loss, train, valid, epochs=2, device="cpu")
        >>> len(history), history.metric, history.stopped
        (2, 'ndcg@10', 'epochs')
    """
    if out is not None:
        check_place(out, "folder")
    learnt = objective_of(objective)
    check_scorer("fit", scorer)
    for part, data in {"train": train, **({} if valid is None else {"valid": valid})}.items():
        check_is_dataset("fit", part, data)
    selected = metric_name("fit", metric)
    batches = ListBatches(batch_queries, batch_docs, length_window)
    settings = Settings(
        metric=selected,
        epochs=default_epochs(train.n_queries, batch_queries) if epochs is None else epochs,
        optimizer=optimizer,
        optimizer_options=optimizer_options,
        learning_rate=default_learning_rate(scorer) if learning_rate is None else learning_rate,
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
    try_objective(learnt)
    train, valid = check_data(scorer, train, valid)
    check_objective(scorer, learnt, train)
    check_informative("fit", objective_name(learnt), learnt, train, valid)
    if patience is not None and valid is None:
        raise ConfigError("fit: expected validation data with patience; got none. Pass valid, or leave patience out.")
    identity = {**_identity(scorer, learnt, train, valid), **vars(batches), **settings.identity()}
    folder, saved = open_folder(out, identity, resume=resume, every=checkpoint_every)

    transform = getattr(scorer, "transform", None)
    if transform is not None and not transform.fitted:
        transform.fit(train.features, train.offsets)
    if getattr(scorer, "feature_names", None) is None:
        scorer.feature_names = train.feature_names  # type: ignore[assignment]
    if train.roles is not None:
        scorer.roles = train.roles  # type: ignore[assignment]
    feed = Feed(train, place)
    work = Work(
        model=scorer,
        objective=module_of(learnt),
        plan=lambda epoch: batches.plan(train.list_sizes, np.random.default_rng([seed, epoch])),
        take=feed.take,
        step=ranking_step(learnt, precision),
        validate=None if valid is None else lambda: evaluate(cast(Scorer, scorer), valid, [selected]).means[selected],
        explain=ListBlame(scorer, feed, settings.learning_rate),
        n_docs=train.n_docs,
        draws_globally=not draws_only_from_the_run(scorer, learnt),
    )
    return run_work(work, settings, place, folder, saved, [*callbacks], progress=progress)


def _identity(
    scorer: nn.Module, objective: Callable[..., Tensor], train: RankingDataset, valid: RankingDataset | None
) -> dict[str, Any]:
    """What a run is, besides its settings: a checkpoint is refused where one of these differs."""
    return {
        "training data": train.fingerprint,
        "validation data": None if valid is None else valid.fingerprint,
        "scorer": type(scorer).__name__,
        **{f"scorer.{name}": value for name, value in getattr(scorer, "options", {}).items()},
        "objective": objective_name(objective),
        **{f"objective.{name}": value for name, value in objective_options(objective).items()},
    }
