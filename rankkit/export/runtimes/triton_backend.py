"""Triton's python backend for an exported ranker; written into its model repository as ``model.py``.

Runs the ``model.onnx`` beside it in ONNX Runtime. Where Triton runs it needs onnxruntime, and nothing of rankkit.
"""

from pathlib import Path
from typing import Any


class TritonPythonModel:
    """What Triton loads."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the file of this version."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # Triton has as many instances as it is told to
        path = Path(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.names = [put.name for put in self.session.get_inputs()]

    def execute(self, requests: list[Any]) -> list[Any]:
        """One response a request, in order; a request that fails does not fail the others."""
        import triton_python_backend_utils as triton  # there inside Triton only

        responses = []
        for request in requests:
            try:
                inputs = {name: triton.get_input_tensor_by_name(request, name).as_numpy() for name in self.names}
                (score,) = self.session.run(["score"], inputs)
                responses.append(triton.InferenceResponse([triton.Tensor("score", score)]))
            except Exception as error:
                responses.append(triton.InferenceResponse([], error=triton.TritonError(str(error))))
        return responses
