"""pretrain(): what a network can learn of documents without labels, before few that have some."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim import Optimizer

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.tasks.gradient.settings import AskedPrecision, ScheduleName
from rankkit.tasks.ranking.task import RANKING
from rankkit.tasks.ranking.unlabelled.job import Method, PretrainingJob
from rankkit.training.callbacks import Callback
from rankkit.training.gradient.options import Options
from rankkit.training.history import History
from rankkit.training.running import run

COMMAND = "rankkit pretrain"
METHOD: Method = "simclr_rank"


def pretrain(
    scorer: nn.Module,
    unlabelled: RankingDataset,
    *,
    method: Method = METHOD,
    corruption: float = 0.4,
    temperature: float = 0.1,
    n_dims: int = 64,
    epochs: int | None = None,
    batch_queries: int = 64,
    batch_docs: int = 16384,
    length_window: int = 8,
    optimizer: str | Callable[..., Optimizer] = "adamw",
    optimizer_options: Mapping[str, Any] | None = None,
    learning_rate: float | None = None,
    weight_decay: float = 0.01,
    schedule: ScheduleName | Callable[[float], float] = "one_cycle",
    warmup: float = 0.3,
    clip_norm: float | None = None,
    precision: AskedPrecision = "fp32",
    device: str = "auto",
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    checkpoint_every: float = 300.0,
    callbacks: Sequence[Callback] = (),
    progress: bool = True,
) -> History:
    """Train all layers of a network but the last on documents without labels, in place; :func:`rankkit.fit` goes on.

    Each document is seen twice, a share of its columns replaced by values of other documents. The network learns to
    find one view by the other: among the documents of the same query (``simclr_rank``), or with nothing to be told
    from (``simsiam``). What it learns this by stands on a projection of its hidden values that is thrown away; the last
    layer stays as it was. Afterwards a smaller ``trunk_rate`` of :func:`rankkit.fit` keeps what was learnt.

    The transform of the scorer is fitted on these documents if it is not fitted yet, and stays so. ``History`` has a
    column ``spread``: how far apart the projections of a batch are, which have length 1; a warning tells of collapse,
    when all come together.

    Args:
        scorer: An MLP, DCN, attention or TabM scorer, or another module with ``hidden_values(features, offsets)``,
            ``[doc, width]``, of which its layer ``output`` makes scores.
        unlabelled: The documents of queries; labels and weights are not looked at.
        method: "simclr_rank" or "simsiam".
        corruption: Probability of a column of a document to be replaced.
        temperature: Of "simclr_rank", by which cosines are divided.
        n_dims: Numbers of a projection.
        epochs: Passes over the documents; None: 3, or on small data as many as make 120 steps.
        batch_queries: Queries of a batch, at most.
        batch_docs: Documents of a batch, at most; a query with more goes alone.
        length_window: As in :func:`rankkit.fit`: how many batches are sorted by list size together.
        optimizer: As in :func:`rankkit.fit`: "adamw", "adam", "sgd", "adagrad" or a class of ``torch.optim``.
        optimizer_options: Keywords of that class.
        learning_rate: The highest of the schedule; None: what the class of the scorer suggests.
        weight_decay: Of matrices, not of biases and norms.
        schedule: "one_cycle", "cosine", "linear" or "constant", as in :func:`rankkit.fit`.
        warmup: Fraction of the run in which the learning rate rises, of a named schedule.
        clip_norm: Largest norm of the gradient, all weights together; None: unlimited.
        precision: "bf16" runs the scorer under autocast; the loss and the weights stay float32. "auto" is "fp32" here.
        device: "auto" (CUDA if there is any), "cpu", "cuda" or "cuda:1".
        seed: Of the batches, the views, the dropout and the projection.
        out: Folder for metrics.jsonl (a line an epoch) and checkpoint.pt, or None.
        resume: Go on from the checkpoint in ``out``, bit for bit on the CPU; without one, start.
        checkpoint_every: Seconds between checkpoints inside an epoch (0: one a step), beside one after each.
        callbacks: Observers of steps and epochs.
        progress: Show a progress bar where stderr is a terminal.

    Returns:
        The course of the run; the last epoch is kept, as nothing says which is best.

    Raises:
        ConfigError: If the scorer has no such layers, options do not fit, or ``out`` holds a run and ``resume`` is
            False.
        DataError: If there are no queries of several documents, or other features than the scorer takes.
        TrainingError: If the loss is not finite, or the checkpoint belongs to another run.
        TrainingInterrupted: After Ctrl-C, with the run saved.

    Example:
        >>> import rankkit as rk
        >>> unlabelled, few = rk.make_ranking(30, seed=0), rk.make_ranking(10, seed=1)
        >>> scorer = rk.MLPScorer(few.n_features, hidden=(16,), seed=0)
        >>> len(pretrain(scorer, unlabelled, epochs=2, device="cpu"))
        2
        >>> rk.fit(scorer, "ranknet", few, epochs=2, trunk_rate=0.3, device="cpu").stopped
        'epochs'

    References:
        Hou et al., *Pretrained deep models outperform GBDTs in Learning-To-Rank under label scarcity*, TMLR 2024; Chen,
        He, *Exploring Simple Siamese Representation Learning*, CVPR 2021; Bahri et al., *SCARF*, ICLR 2022.
    """
    options = Options(
        RANKING.metric,
        epochs,
        optimizer,
        optimizer_options,
        learning_rate,
        weight_decay,
        schedule=schedule,
        warmup=warmup,
        clip_norm=clip_norm,
        precision=precision,
        device=device,
        seed=seed,
        out=out,
        resume=resume,
        checkpoint_every=checkpoint_every,
        callbacks=callbacks,
        progress=progress,
    )
    own: dict[str, Any] = {
        "method": method,
        "corruption": corruption,
        "temperature": temperature,
        "n_dims": n_dims,
        "batch_queries": batch_queries,
        "batch_docs": batch_docs,
        "length_window": length_window,
    }
    return run(lambda: PretrainingJob(scorer, unlabelled, **own), options, COMMAND)
