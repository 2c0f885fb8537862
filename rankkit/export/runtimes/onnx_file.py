"""ONNX files: write_onnx() puts a whole ranker, transform and readout included, into one; run_onnx() scores with it.

write_graph() and OnnxSession are what they share with encoders.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from rankkit.errors import ConfigError, ExportError
from rankkit.export.needs import need
from rankkit.export.quiet import quiet
from rankkit.export.runtimes.graph import pad_lists, traced
from rankkit.export.runtimes.onnx_trees import check_trees, write_trees
from rankkit.export.source import check_is_scorer
from rankkit.models.scorers import Scorer
from rankkit.models.scorers.listwise import is_listwise, over_queries
from rankkit.models.trees.model import TreeModel

OPSETS = range(18, 24)


def write_onnx(
    scorer: Scorer | TreeModel,
    path: Path,
    *,
    opset: int = 18,
    listwise: bool | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a scorer with its transform and readout as a single ONNX file.

    A pointwise file has the input ``features [n, F]`` float32 and the output ``score [n]``. A listwise one has
    ``features [batch, list, F]``, ``mask [batch, list]`` bool and ``score [batch, list]``, where padding gets the
    lowest float32. NaN is a missing value in both.

    Args:
        scorer: Fitted, on the CPU; or trees.
        path: The file to write.
        opset: ONNX operator set, 18 to 23.
        listwise: Write the listwise form, which trees have none of; None: where the scorer compares the documents of a
            query.
        metadata: Text that the file carries along.

    Raises:
        ConfigError: If onnx is not installed, or onnxscript where there are no trees, or the opset is another.
        ExportError: If torch cannot express the scorer, trees are too large, or a pointwise form is asked for that
            cannot be.
    """
    _check_opset(opset)
    if isinstance(scorer, TreeModel):
        write_trees(scorer, path, opset=opset, metadata=metadata)
        return
    need("onnxscript", "export")
    needs_lists = is_listwise(scorer)
    listwise = needs_lists if listwise is None else listwise
    if needs_lists and not listwise:
        raise ExportError(
            f"onnx: expected a scorer that looks at one document at a time; got {over_queries(scorer)}. "
            "Leave listwise out, or train with another transform."
        )
    graph, inputs, names, shapes = traced(scorer, listwise)
    write_graph(
        graph,
        inputs,
        shapes,
        path,
        input_names=names,
        output_name="score",
        opset=opset,
        metadata=metadata,
        what="a scorer",
        instead="'torch' or 'numpy'",
    )


def check_has_onnx(target: str, model: Any) -> None:
    """Refuse what no ONNX file holds.

    Raises:
        ExportError: If trees are too large, or it is neither trees nor a scorer.
    """
    if isinstance(model, TreeModel):
        check_trees(target, model)
    else:
        check_is_scorer(target, model)


def write_graph(
    graph: torch.nn.Module,
    inputs: tuple[Any, ...],
    shapes: tuple[Any, ...],
    path: Path,
    *,
    input_names: list[str],
    output_name: str,
    opset: int,
    metadata: Mapping[str, str] | None,
    what: str,
    instead: str = "'torch'",
) -> None:
    """Write a module as a single ONNX file.

    Args:
        graph: In eval mode, on the CPU.
        inputs: Examples to trace it with.
        shapes: Which of their dimensions are free, as ``torch.export`` has it.
        path: The file to write.
        input_names: One an input.
        output_name: Of the one output.
        opset: ONNX operator set, 18 to 23.
        metadata: Text that the file carries along.
        what: The module, for the message.
        instead: Targets to name where it cannot be traced.

    Raises:
        ConfigError: If onnx or onnxscript are not installed, or the opset is another.
        ExportError: If torch cannot express the module.
    """
    _check_opset(opset)
    need("onnxscript", "export")
    with quiet():
        try:
            program = torch.onnx.export(
                graph,
                inputs,
                dynamo=True,
                external_data=False,
                verbose=False,
                opset_version=opset,
                input_names=input_names,
                output_names=[output_name],
                dynamic_shapes=shapes,
            )
        except torch.onnx.OnnxExporterError as error:
            raise ExportError(
                f"onnx: expected {what} that torch can trace; got {error}. Export to {instead} instead."
            ) from error
        program = cast(torch.onnx.ONNXProgram, program)
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # where torch notes paths of this machine
        program.model.metadata_props.update(metadata or {})
        program.save(str(path), external_data=False)


def run_onnx(
    path: Path, features: NDArray[np.float32], offsets: NDArray[np.int64], listwise: bool
) -> NDArray[np.float32]:
    """Score flat documents with an ONNX file in ONNX Runtime, on one thread of the CPU.

    Args:
        path: What :func:`write_onnx` wrote.
        features: float32 ``[doc, feature]``.
        offsets: int64 ``[query + 1]``; padding is put in for a listwise file.
        listwise: Which form the file has.

    Returns:
        float32 ``[doc]``.

    Raises:
        ConfigError: If onnxruntime is not installed.
        ExportError: If ONNX Runtime refuses the file or the features.
    """
    return OnnxSession(path).scores(features, offsets, listwise)


class OnnxSession:
    """An ONNX file loaded once, to score many times.

    Args:
        path: What :func:`write_onnx` wrote; no longer needed once it is loaded.
        n_threads: Threads of one pass.
    """

    def __init__(self, path: Path, *, n_threads: int = 1) -> None:
        runtime = need("onnxruntime", "export")
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
        options.log_severity_level = 3
        self.path = path
        try:
            self.session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise ExportError(
                f"{path}: expected an ONNX file that ONNX Runtime can load; got {_first_line(error)}. Export it again."
            ) from error

    def scores(self, features: NDArray[np.float32], offsets: NDArray[np.int64], listwise: bool) -> NDArray[np.float32]:
        """As :func:`run_onnx`."""
        rows = np.ascontiguousarray(features, dtype=np.float32)
        if not listwise:
            return self.run("score", {"features": rows})
        padded, mask = pad_lists(rows, offsets)
        return self.run("score", {"features": padded, "mask": mask})[mask]

    def run(self, output: str, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
        """The output of that name.

        Raises:
            ExportError: If ONNX Runtime refuses the inputs.
        """
        try:
            return cast(NDArray[np.float32], self.session.run([output], inputs)[0])
        except Exception as error:
            raise ExportError(
                f"{self.path}: expected an ONNX file that takes {', '.join(inputs)} and gives {output}; got "
                f"{_first_line(error)}. Export it again."
            ) from error


def _check_opset(opset: int) -> None:
    need("onnx", "export")
    if not isinstance(opset, int) or opset not in OPSETS:
        raise ConfigError(f"opset: expected {OPSETS[0]} to {OPSETS[-1]}; got {opset!r}. Leave it out for 18.")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
