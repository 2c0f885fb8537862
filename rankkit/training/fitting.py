"""fit(): a model, an objective and data to the course of a run; one for every kind of model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, check_given
from rankkit.evaluation.names import Metric
from rankkit.tasks.gradient.settings import AskedPrecision, ScheduleName
from rankkit.tasks.known import task_of_built, task_of_data
from rankkit.tasks.ranking.task import RANKING
from rankkit.tasks.similarity.job import SimilarityJob, Views
from rankkit.tasks.task import Task
from rankkit.training.callbacks import Callback
from rankkit.training.gradient.options import Options
from rankkit.training.history import History
from rankkit.training.running import run

_KEYWORD = Parameter.KEYWORD_ONLY
_COMMON = frozenset(option.name for option in fields(Options))


def fit(
    model: Any,
    objective: str | Callable[..., Tensor] | Any,
    train: Any = None,
    valid: Any = None,
    *,
    metric: Metric | None = None,
    epochs: int | None = None,
    batch_queries: int = 64,
    batch_docs: int = 16384,
    length_window: int = 8,
    block_docs: int | None = None,
    optimizer: str | Callable[..., Optimizer] = "adamw",
    optimizer_options: Mapping[str, Any] | None = None,
    learning_rate: float | None = None,
    trunk_rate: float = 1.0,
    weight_decay: float = 0.01,
    momentum: float = 0.9,
    schedule: ScheduleName | Callable[[float], float] = "one_cycle",
    warmup: float = 0.3,
    clip_norm: float | None = None,
    ema: float | None = None,
    patience: int | None = None,
    precision: AskedPrecision = "fp32",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_every: float = 300.0,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
    **own: Any,
) -> History:
    """Train a model in place; it ends with the weights of the epoch that was best on the validation data.

    The data says what is trained: documents of queries a scorer, labelled examples an encoder (as
    :func:`rankkit.fit_encoder`), a log a recommender, data of a registered task its model. A model that learns in one
    go, such as :class:`rankkit.OneFeature` and every recommender, takes no objective: ``fit(model, train, valid)``.

    Without validation data it ends with those of the last epoch. The scorer's transform is fitted on ``train`` if it
    is not fitted yet. The same seed, machine and number of threads give the same weights, also where several runs
    train at once in threads; torch's global random state is left as it was. A scorer or an objective of your own may
    draw from it: it is then seeded for each step, and such runs take turns. The scorer stays on the device that
    trained it.

    Args:
        model: A module that keeps to :class:`rankkit.models.scorers.Scorer`, as :class:`rankkit.MLPScorer` does; or
            one that takes features alone and gives one output a document, such as ``nn.Linear(n_features, 1)``.
        objective: A name, as ``"ranknet"``, or any function ``(scores, labels, mask, *, weights=None) -> loss`` over
            padded lists. A module with weights of its own, such as :class:`rankkit.DualLearning`, is trained along with
            the scorer. Pointwise losses of torch, such as ``nn.MSELoss()``, leave padded documents out and reduce over
            the documents of a batch.
        train: Labelled training data. Its weights, if any, go to the objective.
        valid: Labelled validation data; nothing is fitted on it.
        metric: Validation metric that selects the epoch; the higher the better. In Python a function of rankkit too.
            None: ndcg@10 of scorers, map_at_r of encoders.
        epochs: Passes over the training data, at most; None: 15, or on small data as many as make 120 steps.
        batch_queries: Queries of a batch, at most.
        batch_docs: Documents of a batch, at most; a query with more goes alone.
        length_window: How many batches' worth of shuffled queries are sorted by list size before they are cut into
            batches of lists of like length; 1 mixes all lengths.
        block_docs: Documents of a block of neighbouring queries, of data that is read in blocks, 64 of which are
            shuffled at a time. None: a cache whose features are larger than half of the machine's memory is read in
            blocks of 2 MB, which is said; any other data is not.
        optimizer: "adamw", "adam", "sgd", "adagrad", or the name of another class of ``torch.optim``, as "RMSprop". In
            Python also a function of the groups of weights, as ``lambda params: torch.optim.RMSprop(params)``; their
            learning rate is set by the schedule.
        optimizer_options: Keywords of that class, as ``{"alpha": 0.9}``.
        learning_rate: The highest of the schedule; None: 0.002 for an MLP, 0.05 for a linear scorer.
        trunk_rate: What the learning rate is multiplied by for all layers of a scorer but the last: below 1 where they
            have learnt before, as by :func:`rankkit.pretrain`.
        weight_decay: Of matrices, not of biases and norms, where the optimizer has it; decoupled from the gradient in
            "adamw".
        momentum: Of "sgd".
        schedule: "one_cycle" (cosine up, cosine down), "cosine" or "linear" (down after a linear warm-up), "constant".
            In Python also a function of the part of the run that is done, from 0 to 1, to a factor of the learning
            rate.
        warmup: Fraction of the run in which the learning rate rises, of a named schedule.
        clip_norm: Largest norm of the gradient, all weights together; None: unlimited.
        ema: Decay of a moving average of the weights, as 0.999: validated and kept is the average. None: no average.
        patience: Epochs without a better validation value after which training stops; None: never.
        precision: "bf16" runs the scorer under autocast; the objective and the weights stay float32. "auto" is
            "bf16" for scorers on processors that compute it, where it is faster; the history says what was chosen.
        device: "auto" (CUDA if there is any), "cpu", "cuda" or "cuda:1".
        seed: Of the batches and the dropout. The weights were drawn when the scorer was built.
        out: Folder for metrics.jsonl (a line an epoch) and checkpoint.pt, or None.
        resume: Go on from the checkpoint in ``out``, bit for bit on the CPU; without one, start. A finished run
            returns at once.
        checkpoint_every: Seconds between checkpoints inside an epoch (0: one a step), beside one after each; between
            those of trees, of which many are grown in a second.
        callbacks: Observers of steps and epochs.
        progress: Show a progress bar where stderr is a terminal.
        **own: Options that training on other data than documents of queries has, as those of
            :func:`rankkit.fit_encoder`.

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
    if task_of_data(objective) is not None:  # fit(model, train, valid)
        if train is not None and valid is not None:
            raise ConfigError(
                "fit: expected fit(model, train, valid) without an objective; got more data. Leave it out."
            )
        objective, train, valid = None, objective, valid if train is None else train
    task = task_of_data(train)
    if task is None or not isinstance(model, nn.Module):
        _check_goes_with(model, objective if train is None else train)
    task = task or RANKING
    options = Options(
        task.metric if metric is None else metric,
        epochs,
        optimizer,
        optimizer_options,
        learning_rate,
        weight_decay,
        momentum,
        schedule,
        warmup,
        clip_norm,
        ema,
        patience,
        precision,
        device,
        seed,
        out,
        resume,
        checkpoint_every,
        callbacks,
        progress,
        trunk_rate,
    )
    batching = {
        "batch_queries": batch_queries,
        "batch_docs": batch_docs,
        "length_window": length_window,
        "block_docs": block_docs,
    }
    known = {option.name for option in signature(task.job).parameters.values() if option.kind is _KEYWORD}
    given = {name: value for name, value in batching.items() if name in known or value != _DEFAULTS[name]}
    for name in (*given, *own):
        if name not in known:
            raise ConfigError(f"fit: expected an option of training on {task.data}; got {name!r}. Leave it out.")
    return run(lambda: task.job(model, objective, train, valid, **given, **own), options)


def _check_goes_with(model: Any, train: Any) -> None:
    """Raise DataError unless the data is what such a model learns from; of documents the job of rankers says it."""
    task = task_of_built(model)
    if task is None or task is RANKING or isinstance(train, task.data_type):
        return
    kind = task.data_type[0] if isinstance(task.data_type, tuple) else task.data_type
    if hasattr(kind, "made_by"):
        check_given("fit", "train", train, kind)


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
    ema: float | None = None,
    patience: int | None = None,
    precision: AskedPrecision = "fp32",
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
            and for ``multi_similarity_loss`` (cross-batch memory), and for ``info_nce_loss``, whose negatives they
            become (MoCo's queue, with the encoder itself in place of its slow copy). 0: none.
        optimizer: "adamw", "adam", "sgd", "adagrad", or the name of another class of ``torch.optim``, as "RMSprop". In
            Python also a function of the groups of weights, as ``lambda params: torch.optim.RMSprop(params)``; their
            learning rate is set by the schedule.
        optimizer_options: Keywords of that class, as ``{"alpha": 0.9}``.
        learning_rate: The highest of the schedule; None: what the encoder's class suggests.
        weight_decay: Of matrices, not of biases and norms, where the optimizer has it; decoupled from the gradient in
            "adamw".
        momentum: Of "sgd".
        schedule: "one_cycle" (cosine up, cosine down), "cosine" or "linear" (down after a linear warm-up), "constant".
            In Python also a function of the part of the run that is done, from 0 to 1, to a factor of the learning
            rate.
        warmup: Fraction of the run in which the learning rate rises, of a named schedule.
        clip_norm: Largest norm of the gradient, all weights together; None: unlimited.
        ema: Decay of a moving average of the weights, as 0.999: validated and kept is the average. None: no average.
        patience: Epochs without a better validation value after which training stops; None: never.
        precision: "bf16" runs the scorer under autocast; the objective and the weights stay float32. "auto" is
            "bf16" for scorers on processors that compute it, where it is faster; the history says what was chosen.
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
    options = Options(
        metric,
        epochs,
        optimizer,
        optimizer_options,
        learning_rate,
        weight_decay,
        momentum,
        schedule,
        warmup,
        clip_norm,
        ema,
        patience,
        precision,
        device,
        seed,
        out,
        resume,
        checkpoint_every,
        callbacks,
        progress,
    )
    own: dict[str, Any] = {
        "batch_classes": batch_classes,
        "per_class": per_class,
        "mining": mining,
        "augment": augment,
        "views": views,
        "chunk_size": chunk_size,
        "memory": memory,
    }
    return run(lambda: SimilarityJob(encoder, objective, train, valid, **own), options)


_DEFAULTS = {option.name: option.default for option in signature(fit).parameters.values()}

FITS: Mapping[str, Callable[..., History]] = {"ranking": fit, "similarity": fit_encoder}
"""By task, what a person calls; its keywords are the options of the training."""


def fit_of(
    task: Task, model: Any, objective: Callable[..., Tensor] | None, train: Any, valid: Any, **options: Any
) -> History:
    """As :func:`fit`, of any task.

    Args:
        task: That the model is of.
        model: Trained in place.
        objective: As the task takes it.
        train: Training data.
        valid: Validation data, or None.
        **options: Those of every training, and those of the task.
    """
    common = {name: value for name, value in options.items() if name in _COMMON}
    own = {name: value for name, value in options.items() if name not in _COMMON}
    given = Options(**{"metric": task.metric, **common})
    return run(lambda: task.job(model, objective, train, valid, **own), given)


def defaults_of(task: Task) -> dict[str, Any]:
    """What the options of a training of some task are where they are left out."""
    parameters = signature(task.job).parameters.values()
    own = {option.name: option.default for option in parameters if option.kind is Parameter.KEYWORD_ONLY}
    called = signature(FITS.get(task.name, fit)).parameters  # trunk_rate is of scorers alone
    common = {
        option.name: option.default
        for option in fields(Options)
        if option.default is not MISSING and option.name in called
    }
    return {"metric": task.metric, **own, **common}


def epochs_of(
    task: Task, model: Any, objective: Callable[..., Tensor] | None, train: Any, valid: Any = None, **options: Any
) -> int | None:
    """How many epochs a training runs, at most, with these options; None of a model that learns in one go."""
    if objective is None:
        return None
    own = {name: value for name, value in options.items() if name not in _COMMON}
    asked: int | None = options.get("epochs")
    return task.job(model, objective, train, valid, **own).default_epochs if asked is None else asked
