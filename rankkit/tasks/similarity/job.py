"""What a run trains is an encoder, on labelled examples."""

import re
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.models.encoders import Encoder, embed
from rankkit.models.encoders.caching import refuse_batch_norm
from rankkit.models.model import learns_in_one_go
from rankkit.objectives.embedding import Prototypes
from rankkit.sampling import CrossBatchMemory
from rankkit.similarity import evaluate_retrieval
from rankkit.tasks.gradient.drawing import draws_only_from_the_run
from rankkit.tasks.gradient.objectives import module_of, objective_identity, refuse_objective
from rankkit.tasks.gradient.settings import Settings, check_counts, check_name
from rankkit.tasks.gradient.work import Work
from rankkit.tasks.similarity.batches import ExampleBatches, ExampleFeed, default_encoder_epochs
from rankkit.tasks.similarity.checks import (
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
from rankkit.tasks.similarity.nonfinite import ExampleBlame
from rankkit.tasks.similarity.steps import EmbeddingStep

Views = Literal["classes", "augmented"]


class SimilarityJob:
    """An encoder, an objective, and labelled examples; :func:`rankkit.fit_encoder` describes the arguments."""

    where = "fit_encoder"
    default_metric = "map_at_r"

    def __init__(
        self,
        encoder: nn.Module,
        objective: str | Callable[..., Tensor] | None,
        train: LabelledExamples,
        valid: LabelledExamples | None = None,
        *,
        batch_classes: int = 16,
        per_class: int | None = None,
        mining: str | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        views: Views = "classes",
        chunk_size: int | None = None,
        memory: int = 0,
    ) -> None:
        self.objective: Callable[..., Tensor] | None = None
        if learns_in_one_go(encoder):
            refuse_objective(self.where, encoder, objective)
        else:
            self.objective = with_options(cast("str | Callable[..., Tensor]", objective))
            check_encoder(encoder)
        self.takes = str(getattr(self.objective, "takes", "lists"))
        check_name("views", views, ("classes", "augmented"))
        per_class = examples_per_class(self.takes) if per_class is None else per_class
        self.batches = ExampleBatches(batch_classes, per_class, two_views=views == "augmented")
        check_views(self.takes, views, batch_classes, per_class, augment)
        self.model, self.train, self.valid = encoder, train, valid
        self.encoder = cast(Encoder, encoder)
        check_examples(self.encoder, train, valid, labels_count=views == "classes")
        self.mining, self.augment, self.chunk_size, self.memory = mining, augment, chunk_size, memory

    @property
    def docs_a_step(self) -> float | None:
        """None: bfloat16 was compared with float32 for rankers alone."""
        return None

    @property
    def default_epochs(self) -> int:
        """15, or as many as make 300 steps."""
        return default_encoder_epochs(self.batches.n_batches(self.train.labels))

    @property
    def has_valid(self) -> bool:
        """Whether there is validation data."""
        return self.valid is not None

    def check(self) -> None:
        """Check that they go together."""
        if self.objective is None:
            return
        if self.chunk_size is not None:
            check_counts({"chunk_size": self.chunk_size})
            self.model.train()
            refuse_batch_norm("fit_encoder: chunk_size", self.model)
        check_memory(self.objective, self.takes, self.memory)
        self.margin = margin_of(self.objective)
        self.mining = mining_rule(self.takes, self.mining, self.margin)
        self.called_with = options_of_the_call(self.takes, self.objective, self.encoder.distance)

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings."""
        return {
            "training data": self.train.fingerprint,
            "validation data": None if self.valid is None else self.valid.fingerprint,
            "encoder": type(self.model).__name__,
            **{f"encoder.{name}": _plain(value) for name, value in getattr(self.model, "options", {}).items()},
            **objective_identity(self.objective),
            "augment": _plain(self.augment),
            **vars(self.batches),
            "mining": self.mining,
            "chunk_size": self.chunk_size,
            "memory": self.memory,
        }

    @staticmethod
    def value(model: Encoder, data: LabelledExamples, metric: str) -> float:
        """The metric of an encoder, as it stands, on data."""
        embeddings, distance = embed(model, data.inputs), cast(Any, model.distance)
        return evaluate_retrieval(embeddings, data.labels, [metric], distance=distance).means[metric]

    def work(self, settings: Settings, place: torch.device) -> Work:
        """Make what learns along, prototypes and memory, and give what is to be done."""
        encoder, train, valid = self.encoder, self.train, self.valid
        objective = cast("Callable[..., Tensor]", self.objective)
        learnt, called = _with_prototypes(objective, self.takes, train, encoder, settings.seed)
        remembered = CrossBatchMemory(self.memory, encoder.n_dims) if self.memory else None
        if remembered is not None:  # a checkpoint holds it, so that a resumed run compares with the same
            learnt = nn.ModuleDict({"memory": remembered, **({} if learnt is None else {"objective": learnt})})
        step = EmbeddingStep(
            objective=called,
            takes=self.takes,
            options=self.called_with,
            mining=self.mining or "none",
            margin=self.margin,
            augment=self.augment,
            two_views=self.batches.two_views,
            chunk_size=self.chunk_size,
            precision=settings.precision,
            memory=remembered,
        )
        feed = ExampleFeed(train, place)

        def plan(epoch: int) -> list[NDArray[np.int64]]:
            return self.batches.plan(train.labels, np.random.default_rng([settings.seed, epoch]))

        return Work(
            model=self.model,
            objective=learnt,
            plan=plan,
            take=feed.take,
            step=step,
            validate=None if valid is None else lambda: self.value(encoder, valid, settings.metric),
            explain=ExampleBlame(self.model, feed, settings.learning_rate),
            n_docs=sum(map(len, plan(1))),
            draws_globally=not draws_only_from_the_run(self.model, objective, self.augment),
            facts=lambda: step.facts,
        )


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


def _plain(value: object) -> object:
    """What JSON holds as it is; modules and functions as text, without their place in memory."""
    if value is None or isinstance(value, bool | int | float | str | list | dict):
        return value
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))
