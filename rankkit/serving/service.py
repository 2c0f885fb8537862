"""Service: rankers behind their limits, from the body of a request to the answer."""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from rankkit.serving.bodies.asked import Asked, Kind
from rankkit.serving.bodies.limits import Entrance, Turns, read_body
from rankkit.serving.bodies.readers import Readers
from rankkit.serving.bodies.reading import How
from rankkit.serving.http.house import House, connection_limit
from rankkit.serving.metrics import ServiceMetrics
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.batching import Batcher
from rankkit.serving.scoring.models import Model, Models, Reloaded
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.scoring.shadow import Shadow, columns
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request


class Service:
    """Rankers behind their limits: bodies in, scores out.

    Args:
        rankers: What scores, by name; the first is the default.
        settings: How much to take on.

    Raises:
        ConfigError: If the settings name a shadow or an engine that cannot be one, or more connections than there are
            files.
        ExportError: If a ranker has no form for the engine that the settings name.
    """

    def __init__(self, rankers: Mapping[str, ServedRanker], settings: Settings) -> None:
        self.settings = settings
        self.models = Models(rankers, settings, self._on_reload)
        self.entrance = Entrance(settings.max_requests)
        self.house = House(connection_limit(settings.max_connections))
        self.turns = Turns()
        self.readers = Readers(settings.n_readers)
        self.batcher = self._worker(lambda n_requests, n_docs: self.metrics.scored(n_requests, n_docs))
        self.metrics = ServiceMetrics(
            {
                "rankkit_requests_inside": ("Requests under way.", lambda: self.entrance.n_inside),
                "rankkit_connections": ("Connections that are open.", lambda: self.house.n_inside),
                "rankkit_waiting_docs": ("Documents that wait.", lambda: self.batcher.waiting_docs),
            },
            lambda: self.house.n_turned_away,
        )
        self.metrics.serves(self.models.about())
        self.shadow: Shadow | None = None
        if self.models.shadow is not None:
            columns(self.models.default, self.models.shadow)
            self.shadow = Shadow(self._worker(), self.metrics.shadowed)

    def _worker(self, on_batch: Callable[[int, int], None] = lambda n_requests, n_docs: None) -> Batcher:
        settings = self.settings
        return Batcher(
            max_batch_docs=settings.max_batch_docs,
            max_waiting_docs=settings.max_waiting_docs,
            n_threads=settings.n_threads,
            on_batch=on_batch,
        )

    def _on_reload(self, name: str, outcome: str) -> None:
        self.metrics.reloaded(name, outcome)
        self.metrics.serves(self.models.about())

    def trouble(self) -> str | None:
        """Why it could not score just now; None where it can."""
        return self.batcher.trouble(self.settings.stuck_seconds)

    def metadata(self, name: str | None) -> dict[str, Any]:
        """What ``GET /metadata`` says of a model.

        Raises:
            RefusedError: With 404, if there is none of that name.
        """
        return self.models.metadata(name)

    async def reload(self) -> dict[str, Reloaded]:
        """Load every model anew, beside the requests; what became of each."""
        return await asyncio.to_thread(self.models.reload)

    def start(self) -> None:
        """Begin to score."""
        self.models.start()
        for batcher in self._batchers():
            batcher.start()

    def stop(self) -> None:
        """Score what still waits, and end."""
        for batcher in self._batchers():
            batcher.stop()
        self.readers.stop()
        self.models.choosing.stop()

    def _batchers(self) -> list[Batcher]:
        return [self.batcher] if self.shadow is None else [self.batcher, self.shadow.batcher]

    async def rank(self, request: "Request", name: str | None) -> tuple[bytes, int]:
        """The documents of a query from the best to the worst, and how many features of theirs were left out."""
        with self.entrance:
            model = self.models.find(name)
            asked = await self._asked(request, "rank", model)
            scores = await self._scores("documents[{1}]", asked, model)
        order = np.argsort(-scores, kind="stable")[: asked.k].tolist()
        values, ids = scores.tolist(), asked.ids or []
        documents = [
            {"id": ids[place], "score": values[place], "rank": rank} for rank, place in enumerate(order, start=1)
        ]
        return msgspec.json.encode({"query_id": asked.query_ids[0], "documents": documents}), asked.n_left_out

    async def score(self, request: "Request", name: str | None) -> tuple[bytes, int]:
        """The scores of the documents of several queries, and how many features of theirs were left out."""
        with self.entrance:
            model = self.models.find(name)
            asked = await self._asked(request, "score", model)
            scores = (await self._scores("queries[{}].features[{}]", asked, model)).tolist()
        ends = np.cumsum(asked.list_sizes).tolist()
        queries = [
            {"query_id": query_id, "scores": scores[end - size : end]}
            for query_id, size, end in zip(asked.query_ids, asked.list_sizes, ends, strict=True)
        ]
        return msgspec.json.encode({"queries": queries}), asked.n_left_out

    async def _asked(self, request: "Request", kind: Kind, model: Model) -> Asked:
        settings = self.settings
        packing = request.headers.get("content-encoding", "identity").strip().lower()
        if packing not in ("identity", "gzip"):
            raise RefusedError(415, "body: expected the content encoding gzip or none; got another. Pack it with gzip.")
        body = await read_body(
            request, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds, turns=self.turns
        )
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        how = How(kind, model.form, content_type, packing == "gzip", settings.max_body_bytes)
        return await self.readers.read(body, how)

    async def _scores(self, where: str, asked: Asked, model: Model) -> NDArray[np.float32]:
        list_sizes = asked.list_sizes
        scores = await self.batcher.scores(model.scores, asked.features, list_sizes)
        if not np.isfinite(scores).all():
            place = int(np.flatnonzero(~np.isfinite(scores))[0])
            query = int(np.searchsorted(np.cumsum(list_sizes), place, side="right"))
            path = where.format(query, place - sum(list_sizes[:query]))
            raise RefusedError(
                422,
                f"{path}: expected values that give a finite score; got a score of {scores[place]}. "
                "Send values such as the ranker was trained on.",
            )
        shadow = self.models.shadow
        if self.shadow is not None and shadow is not None and model.name == self.models.default.name:
            self.shadow.follow(model, shadow, asked.features, list_sizes, scores)
        return scores
