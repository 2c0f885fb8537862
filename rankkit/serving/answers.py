"""Answers: models of any task behind the limits of the service, answering what their task says they answer."""

import asyncio
import difflib
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from rankkit import bundle
from rankkit.errors import ConfigError, RankkitError
from rankkit.serving.bodies.limits import Entrance, Turns, read_body
from rankkit.serving.bodies.tables import unpacked
from rankkit.serving.http.house import House, connection_limit
from rankkit.serving.metrics import ServiceMetrics
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.models import Reloaded
from rankkit.serving.settings import Settings
from rankkit.tasks.known import task_of_model
from rankkit.tasks.task import Task

if TYPE_CHECKING:
    from starlette.requests import Request

log = logging.getLogger("rankkit.serving")


@dataclass(frozen=True, eq=False)
class Answerer:
    """A model that is served by what its task says.

    Args:
        model: It, on the CPU.
        about: Its ``model.json``.
        task: That it is of.
        path: Where it was loaded from.
    """

    model: Any
    about: Mapping[str, Any]
    task: Task
    path: Path

    @classmethod
    def load(cls, path: Path) -> "Answerer":
        """The model of a bundle.

        Raises:
            BundleError: If there is none, or it is damaged.
            ConfigError: If its task says nothing of a service.
        """
        model, about = bundle.read(path)
        task = task_of_model(bundle.kind_of(about))
        if not task.routes:
            raise ConfigError(f"{path}: expected a model whose task has routes; got {task.model}. Leave it out.")
        return cls(model, about, task, path)

    def metadata(self) -> dict[str, Any]:
        """What ``GET /metadata`` says of the model."""
        about = self.about
        kept = ("objective", "metrics", "data_fingerprint", "weights_sha256", "versions", "about")
        return {self.task.model: about[self.task.model], **{name: about.get(name) for name in kept}}


class Answers:
    """Models behind the limits of the service.

    Args:
        models: By name, all of one task; the first is the default.
        settings: How much to take on.

    Raises:
        ConfigError: If the settings name what only rankers have.
    """

    def __init__(self, models: Mapping[str, Answerer], settings: Settings) -> None:
        if settings.shadow is not None or settings.engine == "onnxruntime":
            raise ConfigError("serve: expected no shadow and no engine, which rankers have; got one. Leave it out.")
        self.settings, self.models = settings, dict(models)
        self.task = next(iter(self.models.values())).task
        self.entrance = Entrance(settings.max_requests)
        self.house = House(connection_limit(settings.max_connections))
        self.turns = Turns()
        self.metrics = ServiceMetrics(
            {
                "rankkit_requests_inside": ("Requests under way.", lambda: self.entrance.n_inside),
                "rankkit_connections": ("Connections that are open.", lambda: self.house.n_inside),
            },
            lambda: self.house.n_turned_away,
        )
        self._at_work = threading.BoundedSemaphore(settings.n_threads)
        self._say()

    def _say(self) -> None:
        rows = ((name, one.about[one.task.model]["name"], one.about["weights_sha256"]) for name, one in self._items())
        self.metrics.serves(rows)

    def _items(self) -> list[tuple[str, Answerer]]:
        return list(self.models.items())

    def start(self) -> None:
        """There is nothing to begin."""

    def stop(self) -> None:
        """There is nothing to end."""

    def trouble(self) -> str | None:
        """Why it could not answer: it always can."""
        return None

    async def reload(self) -> dict[str, Reloaded]:
        """Load every model anew, beside the requests; what became of each."""
        return await asyncio.to_thread(self._reload)

    def _reload(self) -> dict[str, Reloaded]:
        done = {}
        for name, old in self._items():
            try:
                new = Answerer.load(old.path)
                if new.task is not old.task:
                    raise ConfigError(f"reload: expected {old.task.model}; got {new.task.model}. Serve it by itself.")
            except (RankkitError, OSError, MemoryError) as error:
                done[name] = Reloaded("kept", f"the model that is served stays, as {old.path} cannot: {error}")
                continue
            if new.about["weights_sha256"] == old.about["weights_sha256"]:
                done[name] = Reloaded("unchanged", f"{old.path} holds the weights that are served")
                continue
            self.models[name] = new
            done[name] = Reloaded("swapped", f"{old.path} is served from now on")
        for name, reloaded in done.items():
            log.log(logging.WARNING if reloaded.outcome == "kept" else logging.INFO, "%s: %s", name, reloaded.text)
            self.metrics.reloaded(name, reloaded.outcome)
        self._say()
        return done

    def find(self, name: str | None) -> tuple[str, Answerer]:
        """The model of that name, the default for None.

        Raises:
            RefusedError: With 404, if there is none.
        """
        if name is None:
            return self._items()[0]
        if name not in self.models:
            near = difflib.get_close_matches(name[:60], self.models, n=1)
            action = f"Did you mean {near[0]!r}?" if near else "See /metadata."
            raise RefusedError(404, f"model: expected one of {len(self.models)} that are served; got another. {action}")
        return name, self.models[name]

    def metadata(self, name: str | None) -> dict[str, Any]:
        """What ``GET /metadata`` says of a model.

        Raises:
            RefusedError: With 404, if there is none of that name.
        """
        found, model = self.find(name)
        limits = self.settings.model_dump(include={"max_body_bytes", "max_requests"})
        return {"model": found, "models": list(self.models), **model.metadata(), "limits": limits}

    async def answer(self, request: "Request", route: str, name: str | None) -> bytes:
        """What a model answers to the body of a request.

        Raises:
            RefusedError: If it is too long, too slow, no JSON, or not what the task expects.
        """
        with self.entrance:
            _, model = self.find(name)
            settings = self.settings
            packing = request.headers.get("content-encoding", "identity").strip().lower()
            if packing not in ("identity", "gzip"):
                raise RefusedError(
                    415, "body: expected the content encoding gzip or none; got another. Pack it with gzip."
                )
            body = await read_body(
                request, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds, turns=self.turns
            )
            return await asyncio.to_thread(self._answer, model, route, bytes(body), packing == "gzip")

    def _answer(self, model: Answerer, route: str, body: bytes, is_packed: bool) -> bytes:
        try:
            values = msgspec.json.decode(unpacked(body, self.settings.max_body_bytes) if is_packed else body)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise RefusedError(422, f"body: expected JSON; got something else ({error}). See /docs.") from None
        with self._at_work:
            try:
                return msgspec.json.encode(model.task.routes[route].answer(model.model, values))
            except RankkitError as error:
                raise RefusedError(422, str(error)) from None
