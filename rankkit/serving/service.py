"""Service: a ranker behind its limits, from the body of a request to the answer."""

import time
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.limits import Entrance, read_body
from rankkit.serving.bodies.messages import (
    QueryScores,
    RankAnswer,
    RankedDocument,
    RankRequest,
    ScoreAnswer,
    ScoreRequest,
    read_request,
)
from rankkit.serving.http.house import House, connection_limit
from rankkit.serving.metrics import ServiceMetrics, resident_bytes
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.batching import Batcher
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.settings import Settings

if TYPE_CHECKING:
    from starlette.requests import Request

Asked = TypeVar("Asked", RankRequest, ScoreRequest)


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

    async def rank(self, request: "Request") -> tuple[RankAnswer, int]:
        """The documents of a query from the best to the worst, and how many features of theirs were left out."""
        with self.entrance:
            asked, n_left_out = await self._asked(request, RankRequest)
            features = self.form.features("documents[{}].features", [document.features for document in asked.documents])
            ids = [document.id for document in asked.documents]
            query_id, k = asked.query_id, asked.k
            del asked  # lists of Python numbers take eight times the memory of the array; others wait with theirs
            scores = await self._scores("documents[{1}]", features, [len(ids)])
        order = np.argsort(-scores, kind="stable")[:k].tolist()
        values = scores.tolist()
        documents = [
            RankedDocument.model_construct(id=ids[place], score=values[place], rank=rank)
            for rank, place in enumerate(order, start=1)
        ]
        return RankAnswer.model_construct(query_id=query_id, documents=documents), n_left_out

    async def score(self, request: "Request") -> tuple[ScoreAnswer, int]:
        """The scores of the documents of several queries, and how many features of theirs were left out."""
        with self.entrance:
            asked, n_left_out = await self._asked(request, ScoreRequest)
            parts = [
                self.form.features(f"queries[{place}].features[{{}}]", query.features)
                for place, query in enumerate(asked.queries)
            ]
            query_ids = [query.query_id for query in asked.queries]
            del asked
            list_sizes = [len(part) for part in parts]
            features = np.concatenate(parts) if parts else np.empty((0, len(self.form.names)), np.float32)
            scores = (await self._scores("queries[{}].features[{}]", features, list_sizes)).tolist()
        ends = np.cumsum(list_sizes).tolist()
        queries = [
            QueryScores.model_construct(query_id=query_id, scores=scores[end - size : end])
            for query_id, size, end in zip(query_ids, list_sizes, ends, strict=True)
        ]
        return ScoreAnswer.model_construct(queries=queries), n_left_out

    async def _asked(self, request: "Request", kind: type[Asked]) -> tuple[Asked, int]:
        settings = self.settings
        body = await read_body(request, max_bytes=settings.max_body_bytes, seconds=settings.body_seconds)
        form = replace(self.form)
        asked = read_request(kind, body, form)
        return asked, len(form.left_out)

    async def _scores(self, where: str, features: NDArray[np.float32], list_sizes: list[int]) -> NDArray[np.float32]:
        scores = await self.batcher.scores(features, list_sizes)
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
