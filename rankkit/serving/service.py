"""Service: a ranker behind its limits, from the body of a request to the answer."""

import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.limits import Entrance, Turns, read_body
from rankkit.serving.bodies.readers import Readers
from rankkit.serving.bodies.reading import Asked, How, Kind
from rankkit.serving.http.house import House, connection_limit
from rankkit.serving.metrics import ServiceMetrics, resident_bytes
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.batching import Batcher
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request


class Service:
    """A ranker behind its limits: bodies in, scores out.

    Args:
        ranker: What scores.
        settings: How much to take on.
    """

    def __init__(self, ranker: ServedRanker, settings: Settings) -> None:
        self.ranker = ranker
        self.settings = settings
        max_list_size = min(settings.max_list_size, settings.max_docs)
        self.form = Form(ranker.names, ranker.takes_missing, max_list_size, settings.max_docs)
        self.entrance = Entrance(settings.max_requests)
        self.house = House(connection_limit(settings.max_connections))
        self.turns = Turns()
        self.readers = Readers(settings.n_readers)
        self.batcher = Batcher(
            lambda features, offsets: ranker.scores(features, offsets, batch_docs=settings.max_batch_docs),
            max_batch_docs=settings.max_batch_docs,
            max_waiting_docs=settings.max_waiting_docs,
            n_threads=settings.n_threads,
            on_batch=lambda n_requests, n_docs: self.metrics.scored(n_requests, n_docs),
        )
        self.metrics = ServiceMetrics(
            readings={
                "rankkit_requests_inside": ("gauge", "Requests under way.", lambda: self.entrance.n_inside),
                "rankkit_connections": ("gauge", "Connections that are open.", lambda: self.house.n_inside),
                "rankkit_connections_turned_away_total": (
                    "counter",
                    "Connections that found the house full.",
                    lambda: self.house.n_turned_away,
                ),
                "rankkit_waiting_docs": ("gauge", "Documents that wait.", lambda: self.batcher.waiting_docs),
                "process_resident_memory_bytes": ("gauge", "Resident memory size in bytes.", resident_bytes),
                "process_cpu_seconds_total": ("counter", "User and system CPU time in seconds.", time.process_time),
            },
            info={"scorer": ranker.source.scorer["name"], "weights_sha256": ranker.source.weights_sha256},
        )

    def start(self) -> None:
        """Begin to score."""
        self.batcher.start()

    def stop(self) -> None:
        """Score what still waits, and end."""
        self.batcher.stop()
        self.readers.stop()

    async def rank(self, request: "Request") -> tuple[bytes, int]:
        """The documents of a query from the best to the worst, and how many features of theirs were left out."""
        with self.entrance:
            asked = await self._asked(request, "rank")
            scores = await self._scores("documents[{1}]", asked)
        order = np.argsort(-scores, kind="stable")[: asked.k].tolist()
        values, ids = scores.tolist(), asked.ids or []
        documents = [
            {"id": ids[place], "score": values[place], "rank": rank} for rank, place in enumerate(order, start=1)
        ]
        return msgspec.json.encode({"query_id": asked.query_ids[0], "documents": documents}), asked.n_left_out

    async def score(self, request: "Request") -> tuple[bytes, int]:
        """The scores of the documents of several queries, and how many features of theirs were left out."""
        with self.entrance:
            asked = await self._asked(request, "score")
            scores = (await self._scores("queries[{}].features[{}]", asked)).tolist()
        ends = np.cumsum(asked.list_sizes).tolist()
        queries = [
            {"query_id": query_id, "scores": scores[end - size : end]}
            for query_id, size, end in zip(asked.query_ids, asked.list_sizes, ends, strict=True)
        ]
        return msgspec.json.encode({"queries": queries}), asked.n_left_out

    async def _asked(self, request: "Request", kind: Kind) -> Asked:
        settings = self.settings
        body = await read_body(
            request, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds, turns=self.turns
        )
        return await self.readers.read(body, How(kind, self.form))

    async def _scores(self, where: str, asked: Asked) -> NDArray[np.float32]:
        list_sizes = asked.list_sizes
        scores = await self.batcher.scores(asked.features, list_sizes)
        if not np.isfinite(scores).all():
            place = int(np.flatnonzero(~np.isfinite(scores))[0])
            query = int(np.searchsorted(np.cumsum(list_sizes), place, side="right"))
            path = where.format(query, place - sum(list_sizes[:query]))
            raise RefusedError(
                422,
                f"{path}: expected values that give a finite score; got a score of {scores[place]}. "
                "Send values such as the ranker was trained on.",
            )
        return scores
