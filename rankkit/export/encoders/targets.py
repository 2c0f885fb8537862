"""Where an encoder can go: one file that takes ``inputs [n, *input_shape]`` and gives ``embeddings [n, n_dims]``."""

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import ExportError
from rankkit.export.encoders.manifest import EncoderManifest
from rankkit.export.runtimes.onnx_file import OnnxSession, write_graph
from rankkit.export.runtimes.torch_program import open_program, write_program
from rankkit.export.samples import block_size
from rankkit.export.target import check_options, only_file
from rankkit.models.encoders import Encoder


class EncoderTarget(Protocol):
    """Where an encoder can go; the artefact is one file.

    Attributes:
        name: As ``--to`` has it.
        suffix: Of the file, such as ``".onnx"``.
    """

    name: str
    suffix: str

    def write(self, encoder: Encoder, manifest: EncoderManifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write the file, manifest excepted, into an empty folder; unknown options are refused."""
        ...

    def replay(self, folder: Path, manifest: EncoderManifest, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed with the file alone: ``[n, *input_shape]`` to ``[n, n_dims]``.

        Raises:
            ExportError: If the file is not what it should be.
        """
        ...


class EncoderGraph(nn.Module):
    """``inputs [n, *input_shape]`` to ``embeddings [n, n_dims]``: a copy of an encoder, without its distance."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        # The file takes float32, whatever the weights are in; the gate tells whether that is near enough.
        self.encoder = copy.deepcopy(cast(nn.Module, encoder)).cpu().float()
        if hasattr(self.encoder, "distance"):
            del self.encoder.distance
        self.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        """``[n, *input_shape]`` to ``[n, n_dims]``."""
        return cast(Tensor, self.encoder(inputs))


class OnnxEncoderTarget:
    """An ONNX file with the input ``inputs`` and the output ``embeddings``."""

    name = "onnx"
    suffix = ".onnx"

    def write(self, encoder: Encoder, manifest: EncoderManifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``encoder.onnx``; option ``opset`` (18)."""
        check_options("onnx", options, ("opset", "int8"))
        write_graph(
            EncoderGraph(encoder),
            *_traced(manifest),
            folder / "encoder.onnx",
            input_names=["inputs"],
            output_name=manifest.output_name,
            opset=options.get("opset", 18),
            metadata=_metadata(manifest),
            what=f"the {manifest.kind}",
        )

    def replay(self, folder: Path, manifest: EncoderManifest, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed with ONNX Runtime."""
        session = OnnxSession(only_file(folder, manifest))
        return _in_blocks(lambda block: session.run(manifest.output_name, {"inputs": block}), inputs)


class TorchEncoderTarget:
    """A ``torch.export`` program: ``torch.export.load(path).module()(inputs)``."""

    name = "torch"
    suffix = ".pt2"

    def write(self, encoder: Encoder, manifest: EncoderManifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``encoder.pt2``."""
        check_options("torch", options)
        write_program(EncoderGraph(encoder), *_traced(manifest), folder / "encoder.pt2")

    def replay(self, folder: Path, manifest: EncoderManifest, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed with the program, once it is known to hold tensors and operators only."""
        with open_program(only_file(folder, manifest), f"embeds inputs of shape {manifest.input_shape}") as program:
            return _in_blocks(lambda block: program(torch.from_numpy(block)).numpy(), inputs)


ENCODER_TARGETS: dict[str, Callable[[], EncoderTarget]] = {"onnx": OnnxEncoderTarget, "torch": TorchEncoderTarget}


def find_encoder_target(name: str) -> EncoderTarget:
    """The target of that name.

    Raises:
        ExportError: If it takes rankers only.
    """
    if name not in ENCODER_TARGETS:
        raise ExportError(
            f"{name}: expected a ranker, which gives scores; got an encoder, which gives embeddings. "
            f"Export encoders to {' or '.join(map(repr, ENCODER_TARGETS))}."
        )
    return ENCODER_TARGETS[name]()


def _traced(manifest: EncoderManifest) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:
    """Example inputs, and which of their dimensions are free."""
    from torch.export import Dim

    return (torch.zeros(3, *manifest.input_shape),), ({0: Dim("n", min=1)},)


def _in_blocks(
    embedded: Callable[[NDArray[np.float32]], NDArray[np.float32]], inputs: NDArray[np.float32]
) -> NDArray[np.float32]:
    return np.concatenate([embedded(block) for block in _blocks(inputs)])


def _blocks(inputs: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """One input by itself, as a server gets it, then as many at once as memory is spent on."""
    yield np.array(inputs[:1], np.float32)
    size = block_size(inputs.shape[1:])
    for start in range(1, len(inputs), size):
        yield np.array(inputs[start : start + size], np.float32)


def _metadata(manifest: EncoderManifest) -> dict[str, str]:
    """What an ONNX file carries of its manifest, as ``get_modelmeta().custom_metadata_map`` gives it back."""
    return {
        "rankkit.version": manifest.versions.get("rankkit", ""),
        f"rankkit.{manifest.kind}": json.dumps(manifest.encoder, ensure_ascii=False),
        "rankkit.distance": json.dumps(manifest.distance and vars(manifest.distance), ensure_ascii=False),
        "rankkit.objective": json.dumps(manifest.objective, ensure_ascii=False),
        "rankkit.weights_sha256": manifest.weights_sha256,
        "rankkit.data_fingerprint": manifest.data_fingerprint or "",
    }
