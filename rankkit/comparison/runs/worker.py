"""A worker process: takes runs as lines of JSON on its standard input, tells how they go on its standard output.

``python -m rankkit.comparison.runs.worker`` is started by :mod:`rankkit.comparison.runs.pool`, nobody else. What
libraries print goes to its log, not between the lines. It ends as soon as its input does, so that none outlives the
process that started it, whatever ended that one.
"""

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, TextIO


def main() -> None:
    """Run what comes in, one after the other."""
    # Lines go to where the standard output was; whatever prints from now on goes to the log, which is stderr.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_orders, args=(sys.stdin, orders), daemon=True).start()
    _send(lines, event="ready")
    runner = _Runner(lines)
    while True:
        order = orders.get()
        runner.run(order["spec"], Path(order["out"]) / "runs" / order["id"], order["place"], order["plugins"])


def _read_orders(source: TextIO, orders: "queue.SimpleQueue[dict[str, Any]]") -> None:
    for line in source:
        orders.put(json.loads(line))
    os._exit(0)  # in the middle of a run too: nobody waits for it any more


def _send(lines: TextIO, **message: Any) -> None:
    lines.write(json.dumps(message) + "\n")
    lines.flush()


class _Runner:
    """Runs one after the other, keeping the data of the last split."""

    def __init__(self, lines: TextIO) -> None:
        self._lines = lines
        self._loaded: tuple[Any, Any] | None = None

    def run(self, values: Any, folder: Path, place: tuple[int, int], plugins: list[str]) -> None:
        """Run what the values say, in its folder, and say that it is done, or why not."""
        import torch

        from rankkit.comparison.plan import RunSpec
        from rankkit.comparison.runs.running import run_one
        from rankkit.errors import DiskError, RankkitError
        from rankkit.files.atomic import write_text
        from rankkit.files.disk import writing
        from rankkit.registry import load_plugin
        from rankkit.tasks.gradient.devices import share_devices

        torch.set_num_threads(values["threads"])
        share_devices(*place, values["system"]["training"].get("device", "auto"))
        try:
            with writing(folder):
                folder.mkdir(parents=True, exist_ok=True)
            try:
                for package in plugins:
                    load_plugin(package)
                spec = RunSpec.from_dict(values)  # what it is about may be of a plugin
                split = self._split(spec, folder.parents[1])
                run_one(spec, split, folder, lambda progress: _send(self._lines, event="progress", **progress))
            except DiskError:
                raise
            except Exception as error:
                text = str(error) if isinstance(error, RankkitError) else f"{type(error).__name__}: {error}"
                write_text(folder / "error.txt", f"{text}\n\n{traceback.format_exc()}")
                _send(self._lines, event="failed", error=text)
                return
        except DiskError as error:  # no fault of the run: the next one would meet it too
            _send(self._lines, event="disk", error=error.fault)
            return
        _send(self._lines, event="finished")

    def _split(self, spec: Any, out: Path) -> Any:
        from rankkit.tasks.known import task_of

        wanted = (spec.source, spec.split)
        if self._loaded is None or self._loaded[0] != wanted:
            self._loaded = None  # not two at a time in memory
            task = task_of(spec.source)
            split = task.load(spec.source, spec.split)
            task.write(split, out / "splits" / spec.split)
            self._loaded = (wanted, split)
        return self._loaded[1]


if __name__ == "__main__":
    main()
