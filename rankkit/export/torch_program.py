"""Target ``torch``: a ``torch.export`` program (.pt2) with the transform and readout inside; runs without rankkit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.graph import pad_lists, traced
from rankkit.export.manifest import Manifest
from rankkit.export.quiet import quiet
from rankkit.export.source import check_is_scorer
from rankkit.export.target import check_options, only_file
from rankkit.export.torch_archive import check_archive


class TorchTarget:
    """A program with the inputs of the ONNX file: ``torch.export.load(path).module()(features)``."""

    name = "torch"
    suffix: str | None = ".pt2"
    missing_default: float | None = None

    def check(self, model: Any) -> None:
        """Any scorer can be expressed; trees cannot."""
        check_is_scorer("torch", model)

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``ranker.pt2``."""
        check_options("torch", options)
        graph, inputs, _, shapes = traced(model, manifest.listwise)
        with quiet():
            program = torch.export.export(graph, inputs, dynamic_shapes=shapes)
            for node in program.graph.nodes:
                node.meta.pop("stack_trace", None)  # names paths of this machine
            torch.export.save(program, folder / "ranker.pt2")

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score with the program, once it is known to hold tensors and operators only."""
        path = only_file(folder, manifest)
        check_archive(path)
        try:
            with quiet(), torch.inference_mode():
                # Guards are Python text in the file; shapes that do not fit fail in the operators themselves.
                program = torch.export.load(path).module(check_guards=False)
                if not manifest.listwise:
                    return np.asarray(program(torch.from_numpy(features)).numpy())
                padded, mask = pad_lists(features, offsets)
                return np.asarray(program(torch.from_numpy(padded), torch.from_numpy(mask)).numpy()[mask])
        except Exception as error:
            raise ExportError(
                f"{path}: expected a torch program that scores {manifest.n_features} features; got "
                f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:300]}. Export the ranker again."
            ) from error
