"""Models: the rankers that are served, by name, and how each gives way to its successor."""

import difflib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, RankkitError
from rankkit.serving.bodies.form import Form
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.choosing import Choosing
from rankkit.serving.scoring.onnx_process import StoppedError
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.settings import Settings

log = logging.getLogger("rankkit.serving")
_LONGEST_NAME = 60


@dataclass(frozen=True, eq=False)
class Model:
    """A ranker under its name.

    Args:
        name: As clients write it.
        ranker: What scores.
        form: What bodies for it have to look like.
        batch_docs: About how many documents it scores at once.
    """

    name: str
    ranker: ServedRanker
    form: Form
    batch_docs: int

    def scores(self, features: NDArray[np.float32], offsets: NDArray[np.int64]) -> NDArray[np.float32]:
        """``[doc]``, for the worker."""
        return self.ranker.scores(features, offsets, batch_docs=self.batch_docs)


@dataclass(frozen=True)
class Reloaded:
    """What became of a model.

    Args:
        outcome: ``"swapped"``, ``"unchanged"`` or ``"kept"``.
        text: The same in words; of what was kept, why.
    """

    outcome: str
    text: str


@dataclass(eq=False)
class Models:
    """The rankers that are served, by name; the first one is asked where a request names none.

    Args:
        rankers: By name.
        settings: How much a request may bring.
        on_reload: Told the name and the outcome of each reload.

    Raises:
        ConfigError: If the shadow is none of them, or the engine that is asked for cannot be.
        ExportError: If a ranker has no form for the engine that is asked for.
    """

    rankers: Mapping[str, ServedRanker]
    settings: Settings
    on_reload: Callable[[str, str], None] = field(default=lambda name, outcome: None)

    def __post_init__(self) -> None:
        self._models = {name: self._model(name, ranker) for name, ranker in self.rankers.items()}
        self._reloading = threading.Lock()
        self._check_shadow()
        self.choosing = Choosing(self.settings.engine, self.settings.n_threads)
        for ranker in self.rankers.values():
            self.choosing.prepare(ranker)

    def _check_shadow(self) -> None:
        shadow = self.settings.shadow
        if shadow is not None and shadow not in self._models:
            raise ConfigError(
                f"shadow: expected one of {', '.join(self._models)}; got {shadow!r}. Name the models as name=folder."
            )
        if shadow is not None and shadow == self.default.name:
            raise ConfigError(
                f"shadow: expected another model than the default, {shadow!r}; got the same. Name another one first."
            )

    def start(self) -> None:
        """Begin to choose what scores with each model."""
        for name, model in self._models.items():
            self.choosing.serves(name, model.ranker)
        self.choosing.start()

    @property
    def names(self) -> list[str]:
        """The names, the default first."""
        return list(self._models)

    @property
    def default(self) -> Model:
        """Whom a request asks that names no model."""
        return next(iter(self._models.values()))

    @property
    def shadow(self) -> Model | None:
        """Whose scores are compared with the default's, and never sent."""
        return None if self.settings.shadow is None else self._models[self.settings.shadow]

    def about(self) -> list[tuple[str, str, str]]:
        """Name, scorer and digest of the weights of each."""
        sources = ((name, model.ranker.source) for name, model in self._models.items())
        return [(name, source.scorer["name"], source.weights_sha256) for name, source in sources]

    def metadata(self, name: str | None) -> dict[str, Any]:
        """What ``GET /metadata`` says of a model.

        Raises:
            RefusedError: With 404, if there is none of that name.
        """
        model = self.find(name)
        settings = self.settings
        limits = settings.model_dump(include={"max_body_bytes", "max_list_size", "max_docs", "max_requests"})
        limits["max_list_size"] = model.form.max_list_size
        return {"model": model.name, "models": self.names, **model.ranker.metadata(), "limits": limits}

    def find(self, name: str | None) -> Model:
        """The model of that name.

        Raises:
            RefusedError: With 404, if there is none.
        """
        if name is None:
            return self.default
        if name not in self._models:
            near = difflib.get_close_matches(name[:_LONGEST_NAME], self._models, n=1)
            action = f"Did you mean {near[0]!r}?" if near else "See /metadata."
            raise RefusedError(
                404, f"model: expected one of {len(self._models)} that are served; got another. {action}"
            )
        return self._models[name]

    def reload(self) -> dict[str, Reloaded]:
        """Load every model anew beside the one that is served, and put it in its place if it can take it.

        Requests under way keep the model that they began with. Called in a thread; one at a time.
        """
        with self._reloading:
            done = {name: self._reload(model) for name, model in list(self._models.items())}
        for name, reloaded in done.items():
            log.log(logging.WARNING if reloaded.outcome == "kept" else logging.INFO, "%s: %s", name, reloaded.text)
            self.on_reload(name, reloaded.outcome)
        return done

    def _reload(self, model: Model) -> Reloaded:
        old, path = model.ranker, model.ranker.path
        if path is None:
            return Reloaded("kept", "it was not loaded from a folder")
        try:
            new = ServedRanker.load(path)
            _check(old, new)
            if new.source.weights_sha256 != old.source.weights_sha256:
                self.choosing.prepare(new)
        except StoppedError:
            return Reloaded("kept", "the service is being stopped")
        except (RankkitError, OSError, MemoryError) as error:
            return Reloaded("kept", f"the model that is served stays, as {path} cannot take its place: {error}")
        if new.source.weights_sha256 == old.source.weights_sha256:
            return Reloaded("unchanged", f"{path} holds the weights that are served")
        self._models[model.name] = self._model(model.name, new)
        self.choosing.serves(model.name, new)
        return Reloaded("swapped", f"{path} is served from now on, weights {new.source.weights_sha256[:12]}")

    def _model(self, name: str, ranker: ServedRanker) -> Model:
        settings = self.settings
        most = min(settings.max_list_size, settings.max_docs)
        text = None if ranker.schema is None else json.dumps(ranker.schema.to_dict())
        form = Form(ranker.names, ranker.takes_missing, most, settings.max_docs, text)
        return Model(name, ranker, form, settings.max_batch_docs)


def _check(old: ServedRanker, new: ServedRanker) -> None:
    """Refuse a successor that clients of the old model could not use.

    Raises:
        ConfigError: If it takes other features, or gives no finite scores.
    """
    if new.names != old.names:
        changed = sorted(set(new.names) ^ set(old.names))[:3] or ["their order"]
        raise ConfigError(
            f"reload: expected the {len(old.names)} features of the model that is served; got other ones "
            f"({', '.join(changed)}). Serve it under a name of its own."
        )
    if (new.schema is None) != (old.schema is None):
        raise ConfigError(
            "reload: expected columns of numbers where they were, and others where there were some; got the other way "
            "round. Serve it under a name of its own."
        )
    if old.takes_missing and not new.takes_missing:
        raise ConfigError("reload: expected a model that takes missing values; got one that does not. Train it again.")
    rows = np.asarray(new.example_rows(), np.float32)
    if not np.isfinite(new.scores(rows, np.array([0, len(rows)]))).all():
        raise ConfigError("reload: expected finite scores for usual values; got others. Train it again.")
