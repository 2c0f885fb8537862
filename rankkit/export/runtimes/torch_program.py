"""Target ``torch``: a ``torch.export`` program (.pt2) with the transform and readout inside; runs without rankkit."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ExportError
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.quiet import quiet
from rankkit.export.runtimes.graph import pad_lists, traced
from rankkit.export.runtimes.torch_archive import check_archive
from rankkit.export.source import check_is_scorer
from rankkit.export.target import check_options, only_file


class TorchTarget:
    """A program with the inputs of the ONNX file: ``torch.export.load(path).module()(features)``."""

    name = "torch"
    suffix: str | None = ".pt2"
    missing_default: float | None = None
    feature_prefix = ""

    def check(self, model: Any) -> None:
        """Any scorer can be expressed; trees cannot."""
        check_is_scorer("torch", model)

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``ranker.pt2``."""
        check_options("torch", options)
        graph, inputs, _, shapes = traced(model, manifest.listwise)
        write_program(graph, inputs, shapes, folder / "ranker.pt2")

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score with the program, once it is known to hold tensors and operators only."""
        with open_program(only_file(folder, manifest), f"scores {manifest.n_features} features") as program:
            if not manifest.listwise:
                return np.asarray(program(torch.from_numpy(features)).numpy())
            padded, mask = pad_lists(features, offsets)
            return np.asarray(program(torch.from_numpy(padded), torch.from_numpy(mask)).numpy()[mask])


def write_program(graph: nn.Module, inputs: tuple[Any, ...], shapes: tuple[Any, ...], path: Path) -> None:
    """Write a module as a ``torch.export`` program.

    Args:
        graph: In eval mode, on the CPU.
        inputs: Examples to trace it with.
        shapes: Which of their dimensions are free.
        path: The file to write.

    Raises:
        ExportError: If it cannot be traced.
    """
    with quiet():
        try:
            program = torch.export.export(graph, inputs, dynamic_shapes=shapes)
        except Exception as error:  # of whatever a model of one's own does while it is traced
            raise ExportError(
                f"torch: expected a model that torch.export can trace for any number of rows; got "
                f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}. Take sizes from shapes, as "
                "features.shape[0] and not len(features), and leave out what depends on values."
            ) from error
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # names paths of this machine
        content = io.BytesIO()
        torch.export.save(program, content)
    path.write_bytes(content.getvalue())  # torch ends the process where a disk is full


@contextmanager
def open_program(path: Path, does: str) -> Iterator[Callable[..., Tensor]]:
    """The program of a file, once it is known to hold tensors and operators only, to run for a while.

    Args:
        path: What :func:`write_program` wrote.
        does: What the program is for, for the message.

    Raises:
        ExportError: If the file holds anything else, or fails while it runs.
    """
    check_archive(path)
    try:
        with quiet(), torch.inference_mode():
            # Guards are Python text in the file; shapes that do not fit fail in the operators themselves.
            yield torch.export.load(path).module(check_guards=False)
    except Exception as error:
        raise ExportError(
            f"{path}: expected a torch program that {does}; got {type(error).__name__}: "
            f"{str(error).strip().partition(chr(10))[0][:300]}. Export the model again."
        ) from error
