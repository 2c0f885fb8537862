"""Batcher: one pass for several requests, each with its own scores."""

import asyncio
import threading

import numpy as np
import pytest
import torch

from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.batching import Batcher


class Gate:
    """Scores documents by their first feature, one pass at a time, once it is opened."""

    def __init__(self):
        self.open = threading.Event()
        self.entered = threading.Event()
        self.passes = []

    def __call__(self, features, offsets):
        self.entered.set()
        assert self.open.wait(30)
        self.passes.append(np.diff(offsets).tolist())
        if (features < 0).any():
            raise ValueError("a negative value")
        return features[:, 0].astype(np.float32)


def docs(*values):
    return np.array(values, np.float32)[:, None]


def ask(requests, *, gate, first=None, **options):
    """The answers of requests that came while the worker was busy with the first one."""
    options = {"max_batch_docs": 100, "max_waiting_docs": 100, **options}

    async def main():
        batcher = Batcher(**options)
        batcher.start()
        lone = asyncio.create_task(batcher.scores(gate, docs(0), [1]))
        await asyncio.to_thread(gate.entered.wait, 30)
        tasks = [asyncio.create_task(batcher.scores(gate, *request)) for request in requests]
        await asyncio.sleep(0)
        waiting = batcher.waiting_docs
        if first is not None:
            first(tasks)
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await lone
        await asyncio.to_thread(batcher.stop)
        return answers, waiting

    return asyncio.run(main())


def test_requests_that_wait_are_scored_in_one_pass_and_get_their_own_scores():
    gate, told = Gate(), []
    requests = [(docs(1, 2, 3), [3]), (docs(4), [1]), (docs(5, 6), [1, 1])]
    answers, waiting = ask(requests, gate=gate, on_batch=lambda *counts: told.append(counts))
    assert [answer.tolist() for answer in answers] == [[1, 2, 3], [4], [5, 6]]
    assert gate.passes == [[1], [3, 1, 1, 1]]
    assert told == [(1, 1), (3, 6)]
    assert waiting == 6


def test_a_pass_takes_no_more_documents_than_allowed_unless_one_request_has_more():
    gate = Gate()
    ask([(docs(1, 2), [2]), (docs(3), [1]), (docs(4, 5, 6, 7), [4]), (docs(8), [1])], gate=gate, max_batch_docs=3)
    assert gate.passes == [[1], [2, 1], [4], [1]]


def test_a_full_queue_refuses_and_says_when_to_come_back():
    answers, _ = ask([(docs(1, 2), [2]), (docs(3, 4), [2]), (docs(5), [1])], gate=Gate(), max_waiting_docs=3)
    assert answers[0].tolist() == [1, 2]
    assert isinstance(answers[1], RefusedError)
    assert (answers[1].status, answers[1].headers) == (503, {"Retry-After": "1"})
    assert "expected at most 3 documents waiting; got 2 and 2 more" in answers[1].message
    assert answers[2].tolist() == [5]


def test_a_request_larger_than_the_queue_is_taken_when_nothing_waits():
    answers, _ = ask([(docs(1, 2, 3), [3])], gate=Gate(), max_waiting_docs=2)
    assert answers[0].tolist() == [1, 2, 3]


def test_what_one_request_brought_does_not_fail_the_others():
    answers, _ = ask([(docs(1), [1]), (docs(-2), [1]), (docs(3), [1])], gate=Gate())
    assert answers[0].tolist() == [1]
    assert isinstance(answers[1], ValueError)
    assert answers[2].tolist() == [3]


def test_the_worker_outlives_requests_that_do_not_fit_together():
    answers, _ = ask([(docs(1), [1]), (np.ones((1, 2), np.float32), [1]), (docs(3), [1])], gate=Gate())
    assert [answer.tolist() for answer in answers] == [[1], [1], [3]]


def test_a_request_that_was_given_up_is_not_scored():
    gate = Gate()
    answers, _ = ask([(docs(1), [1]), (docs(2), [1])], gate=gate, first=lambda tasks: tasks[0].cancel())
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1].tolist() == [2]
    assert gate.passes == [[1], [1]]


def test_stopping_scores_what_waits_and_takes_nothing_more():
    gate = Gate()

    async def main():
        batcher = Batcher(max_batch_docs=1, max_waiting_docs=10)
        batcher.start()
        tasks = [asyncio.create_task(batcher.scores(gate, docs(value), [1])) for value in range(4)]
        await asyncio.to_thread(gate.entered.wait, 30)
        stopping = asyncio.create_task(asyncio.to_thread(batcher.stop))
        await asyncio.sleep(0.05)
        with pytest.raises(RefusedError, match="it is being stopped"):
            await batcher.scores(gate, docs(9), [1])
        gate.open.set()
        scores = await asyncio.gather(*tasks)
        await stopping
        return [score.tolist() for score in scores]

    assert asyncio.run(main()) == [[0], [1], [2], [3]]


def test_no_documents_need_no_worker():
    batcher = Batcher(max_batch_docs=1, max_waiting_docs=1)
    assert asyncio.run(batcher.scores(Gate(), np.empty((0, 2), np.float32), [0])).shape == (0,)


def test_threads_are_set_for_the_worker_alone():
    seen = []

    def scores(features, offsets):
        seen.append(torch.get_num_threads())
        return features[:, 0]

    async def main():
        batcher = Batcher(max_batch_docs=1, max_waiting_docs=1, n_threads=3)
        batcher.start()
        await batcher.scores(scores, docs(1), [1])
        await asyncio.to_thread(batcher.stop)

    before = torch.get_num_threads()
    asyncio.run(main())
    assert seen == [3]
    assert torch.get_num_threads() == before


def test_a_worker_that_is_stuck_or_has_ended_is_in_trouble():
    gate = Gate()
    batcher = Batcher(max_batch_docs=1, max_waiting_docs=10)
    assert "has ended" in batcher.trouble(9.0)

    async def main():
        batcher.start()
        assert batcher.trouble(0.0) is None
        task = asyncio.create_task(batcher.scores(gate, docs(1), [1]))
        await asyncio.to_thread(gate.entered.wait, 30)
        assert batcher.trouble(60.0) is None
        assert "busy with one pass for 0 seconds" in batcher.trouble(0.0)
        gate.open.set()
        await task

    asyncio.run(main())
    batcher.stop()
    assert "has ended" in batcher.trouble(60.0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nothing_waits_for_a_worker_that_has_ended():
    class Ends:
        def __call__(self, features, offsets):
            raise KeyboardInterrupt

    async def main():
        batcher = Batcher(max_batch_docs=1, max_waiting_docs=10)
        batcher.start()
        asking = asyncio.create_task(batcher.scores(Ends(), docs(1), [1]))
        while not batcher.trouble(60.0):
            await asyncio.sleep(0.01)
        with pytest.raises(RefusedError, match="the worker that scores has ended") as error:
            await batcher.scores(Ends(), docs(1), [1])
        assert error.value.status == 503
        with pytest.raises(RefusedError, match="the worker that scores has ended"):
            await asking

    asyncio.run(main())
