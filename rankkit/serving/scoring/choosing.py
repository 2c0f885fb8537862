"""Choosing: which engine scores with each model; tried beside the requests, so that no start waits for it."""

import logging
import queue
import threading
from typing import TYPE_CHECKING

import torch

from rankkit.errors import RankkitError
from rankkit.serving.scoring.engines import Engine, faster, onnx_engine, own_engine, why_not_onnx
from rankkit.serving.scoring.onnx_process import OnnxWriter, StoppedError
from rankkit.serving.settings import EngineName

if TYPE_CHECKING:
    from rankkit.serving.scoring.ranker import ServedRanker

log = logging.getLogger("rankkit.serving")


class Choosing:
    """Which engine scores with each model.

    What is asked for by name is there when a model begins to serve, or the model is refused. With ``"auto"`` a model
    serves with its own code at once; ONNX Runtime takes over in the middle of the requests if it is proven to give the
    same, and is faster here.

    Args:
        asked: What the user wants.
        n_threads: Of one pass.
    """

    def __init__(self, asked: EngineName, n_threads: int = 1) -> None:
        self._asked = asked
        self._n_threads = n_threads
        self._writer = OnnxWriter()
        self._waiting: queue.SimpleQueue[tuple[str, ServedRanker] | None] = queue.SimpleQueue()
        self._newest: dict[str, ServedRanker] = {}
        self._thread = threading.Thread(target=self._work, name="rankkit-engines", daemon=True)

    def prepare(self, ranker: "ServedRanker") -> None:
        """Give a ranker the engine that is asked for by name; called before it serves.

        Raises:
            ConfigError: If a library is not installed, for ``"onnxruntime"``.
            ExportError: If the ranker has no ONNX form, or another one.
        """
        if self._asked == "onnxruntime":
            ranker.engine = self._onnx(ranker)
        elif self._asked == "torch":
            ranker.engine = own_engine(ranker.source, "it was asked for")
        else:
            ranker.engine = own_engine(ranker.source, "onnxruntime is being tried")

    def serves(self, name: str, ranker: "ServedRanker") -> None:
        """Say what scores with a ranker that serves from now on; with ``"auto"`` once that is known."""
        self._newest[name] = ranker
        if self._asked == "auto":
            self._waiting.put((name, ranker))
        else:
            _say(name, ranker)

    def start(self) -> None:
        """Begin to try."""
        if self._asked == "auto":
            self._thread.start()

    def stop(self) -> None:
        """Try nothing more."""
        self._writer.stop()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        torch.set_num_threads(self._n_threads)  # counts for the calling thread, as in the worker
        while (one := self._waiting.get()) is not None:
            name, ranker = one
            try:
                if self._newest[name] is ranker:
                    ranker.engine = self._best(ranker)
            except StoppedError:
                return
            if self._newest[name] is ranker:  # or another one has taken its place
                _say(name, ranker)

    def _best(self, ranker: "ServedRanker") -> Engine:
        if (obstacle := why_not_onnx(ranker.source)) is not None:
            return own_engine(ranker.source, obstacle[0])
        try:
            return faster(ranker.engine, self._onnx(ranker), ranker.source)
        except RankkitError as error:
            return own_engine(ranker.source, str(error))
        except StoppedError:
            raise
        except Exception as error:  # of a library: the service goes on as it began
            log.warning("engine: onnxruntime could not be tried", exc_info=error)
            return own_engine(ranker.source, f"onnxruntime failed with {type(error).__name__}")

    def _onnx(self, ranker: "ServedRanker") -> Engine:
        return onnx_engine(ranker.source, missing=ranker.takes_missing, writer=self._writer, n_threads=self._n_threads)


def _say(name: str, ranker: "ServedRanker") -> None:
    log.info("%s: scoring with %s: %s", name, ranker.engine.name, ranker.engine.why)
