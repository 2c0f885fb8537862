"""Batcher: scores what several requests ask for in one pass, in a thread of its own."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rankkit.serving.refusal import RefusedError

Features = NDArray[np.float32]
Scores = NDArray[np.float32]
ScoreDocs = Callable[[Features, NDArray[np.int64]], Scores]


_ENDED = "service: expected to be able to score; the worker that scores has ended. Start the service again."


@dataclass(frozen=True)
class _Job:
    score: ScoreDocs
    features: Features
    list_sizes: Sequence[int]
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[Scores]


class Batcher:
    """Scores what several requests ask for in one pass.

    There is no timer: the worker takes whatever waits, up to ``max_batch_docs``, and while it computes the next
    requests gather. So a lone request is never delayed, and batches grow with the load.

    Args:
        max_batch_docs: Documents of one pass, unless one request has more.
        max_waiting_docs: A request that would make more documents wait is refused with 503.
        n_threads: torch threads of the worker.
        on_batch: Told the number of requests and of documents of each pass, in the worker.
    """

    def __init__(
        self,
        *,
        max_batch_docs: int,
        max_waiting_docs: int,
        n_threads: int = 1,
        on_batch: Callable[[int, int], None] = lambda n_requests, n_docs: None,
    ) -> None:
        self._max_batch_docs = max_batch_docs
        self._max_waiting_docs = max_waiting_docs
        self._n_threads = n_threads
        self._on_batch = on_batch
        self._jobs: deque[_Job] = deque()
        self._waiting_docs = 0
        self._stopping = False
        self._ended = False
        self._pass_since: float | None = None
        self._changed = threading.Condition()
        self._worker = threading.Thread(target=self._work, name="rankkit-batcher", daemon=True)

    @property
    def waiting_docs(self) -> int:
        """Documents that wait for the worker."""
        return self._waiting_docs

    def trouble(self, stuck_seconds: float) -> str | None:
        """What is wrong with the worker, in words; None if it works.

        Args:
            stuck_seconds: How long a pass may take.
        """
        since = self._pass_since
        if not self._worker.is_alive():
            return "the worker that scores has ended"
        if since is not None and (seconds := time.monotonic() - since) > stuck_seconds:
            return f"the worker that scores has been busy with one pass for {seconds:.0f} seconds"
        return None

    def start(self) -> None:
        """Start the worker."""
        self._worker.start()

    def stop(self) -> None:
        """Score what still waits, take nothing more, and return when the worker is done."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._worker.join()

    async def scores(self, score: ScoreDocs, features: Features, list_sizes: Sequence[int]) -> Scores:
        """The scores ``[doc]`` of the documents of some queries.

        Args:
            score: ``features [doc, feature]`` and ``offsets [query + 1]`` to ``[doc]``; called in the worker only.
                Requests that come with the same one share a pass.
            features: ``[doc, feature]``.
            list_sizes: Documents of each query.

        Raises:
            RefusedError: With 503, if too many documents wait already, or the service stops.
        """
        if not len(features):
            return np.empty(0, np.float32)
        loop = asyncio.get_running_loop()
        job = _Job(score, features, list_sizes, loop, loop.create_future())
        with self._changed:
            if self._stopping:
                raise RefusedError(503, "service: it is being stopped. Send the request to another one.", retry_after=1)
            if self._ended:
                raise RefusedError(503, _ENDED)
            # A request alone in the queue is taken whatever its size; the settings bound that.
            if self._jobs and self._waiting_docs + len(features) > self._max_waiting_docs:
                raise RefusedError(
                    503,
                    f"service: expected at most {self._max_waiting_docs} documents waiting; got {self._waiting_docs} "
                    f"and {len(features)} more. Send the request again later.",
                    retry_after=1,
                )
            self._jobs.append(job)
            self._waiting_docs += len(features)
            self._changed.notify()
        return await job.answer

    def _work(self) -> None:
        torch.set_num_threads(self._n_threads)  # counts for the calling thread, so it is said here
        jobs: list[_Job] = []
        try:
            while jobs := self._next_batch():
                self._pass_since = time.monotonic()
                self._answer(jobs)
                self._pass_since = None
        finally:
            self._end(jobs)

    def _end(self, under_way: list[_Job]) -> None:
        """Nobody is to wait for a worker that is gone."""
        with self._changed:
            self._ended = True
            left = [*under_way, *self._jobs]
            self._jobs.clear()
        for job in left:
            _tell(job, _fail, RefusedError(503, _ENDED))

    def _next_batch(self) -> list[_Job]:
        """The jobs of the next pass, once there are any; empty when the service stops and none is left."""
        with self._changed:
            while True:
                jobs: list[_Job] = []
                n_docs = 0
                while self._jobs and (not jobs or self._fits(self._jobs[0], jobs[0], n_docs)):
                    job = self._jobs.popleft()
                    self._waiting_docs -= len(job.features)
                    if not job.answer.cancelled():  # given up, as the service stops
                        jobs.append(job)
                        n_docs += len(job.features)
                if jobs or self._stopping:
                    return jobs
                self._changed.wait()

    def _fits(self, job: _Job, first: _Job, n_docs: int) -> bool:
        return job.score == first.score and n_docs + len(job.features) <= self._max_batch_docs

    def _answer(self, jobs: list[_Job]) -> None:
        list_sizes = [size for job in jobs for size in job.list_sizes]
        try:
            features = jobs[0].features if len(jobs) == 1 else np.concatenate([job.features for job in jobs])
            scores = jobs[0].score(features, np.concatenate([[0], np.cumsum(list_sizes)]))
        except Exception as error:
            if len(jobs) == 1:
                _tell(jobs[0], _fail, error)
            else:  # what one request brought must not fail the others
                for job in jobs:
                    self._answer([job])
            return
        self._on_batch(len(jobs), len(features))
        start = 0
        for job in jobs:
            _tell(job, _succeed, scores[start : start + len(job.features)])
            start += len(job.features)


def _tell(job: _Job, settle: Callable[[asyncio.Future[Scores], object], None], value: object) -> None:
    job.loop.call_soon_threadsafe(settle, job.answer, value)


def _succeed(answer: asyncio.Future[Scores], scores: object) -> None:
    if not answer.done():
        answer.set_result(np.asarray(scores))


def _fail(answer: asyncio.Future[Scores], error: object) -> None:
    if not answer.done() and isinstance(error, Exception):
        answer.set_exception(error)
