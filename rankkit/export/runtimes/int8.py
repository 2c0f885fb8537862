"""int8 weights for an ONNX file, and the metric that says whether the ranking holds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, ExportError
from rankkit.evaluation import evaluate_scores
from rankkit.evaluation.names import check_rises
from rankkit.export.needs import need
from rankkit.export.quiet import quiet

MAX_DROP = 0.002


def quantize(source: Path, path: Path) -> None:
    """Write an ONNX file anew with the weights of its matrix products in int8 (ONNX Runtime's dynamic quantization).

    What goes into a product is rounded to 8 bits over the range of all documents that are scored together, so a score
    depends a little on the others of the same call. Weights take 7 of their 8 bits: x86 processors without VNNI add
    pairs of products of 8 bits in 16, which overflow.

    Args:
        source: What :func:`rankkit.export.runtimes.onnx_file.write_onnx` wrote.
        path: The file to write.

    Raises:
        ConfigError: If onnx or onnxruntime are not installed.
    """
    onnx = need("onnx", "export")
    quantization = need("onnxruntime.quantization", "export")
    prepared = path.with_name("prepared.onnx")
    with quiet():
        quantization.quant_pre_process(str(source), str(prepared), skip_optimization=True, skip_symbolic_shape=True)
        model = onnx.load(str(prepared))
        # Weights are turned over on the way, which contradicts the shapes noted down: ONNX Runtime infers them anew.
        model.graph.ClearField("value_info")
        quantization.quantize_dynamic(model, str(path), weight_type=quantization.QuantType.QInt8, reduce_range=True)
    prepared.unlink()


def metric_drop(
    before: NDArray[np.floating], after: NDArray[np.floating], data: RankingDataset, metric: str, limit: float
) -> dict[str, Any]:
    """What rounding does to a metric: ``{"metric", "before", "after", "limit", "n_queries"}``.

    Args:
        before: The ranker's scores ``[doc]``, in the order of the documents of ``data``.
        after: The artefact's.
        data: Labelled documents.
        metric: Such as ``"ndcg@10"``.
        limit: How much it may drop, kept beside the values.
    """
    if data.labels is None:
        raise ConfigError("int8: expected labelled data to judge the ranking on; got no labels. Pass data with labels.")
    check_rises("int8", metric)
    qids = np.repeat(np.arange(data.n_queries), np.diff(data.offsets))
    values = [
        evaluate_scores(np.asarray(scores), data.labels, qids=qids, metrics=[metric]).means[metric]
        for scores in (before, after)
    ]
    return {
        "metric": metric,
        "before": values[0],
        "after": values[1],
        "limit": limit,
        "n_queries": data.n_queries,
    }


def gate_drop(drop: Mapping[str, Any]) -> None:
    """Raise if the metric fell by more than the limit.

    Raises:
        ExportError: If it did.
    """
    if not drop["before"] - drop["after"] <= drop["limit"]:
        raise ExportError(
            f"int8: expected {drop['metric']} to drop by at most {drop['limit']:g} over {drop['n_queries']:,} queries; "
            f"got {drop['before']:.4f} before and {drop['after']:.4f} after. Nothing was written: export without int8, "
            "or pass a greater max_drop."
        )
