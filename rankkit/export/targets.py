"""Where a ranker can go: name -> target, imported when asked for."""

import importlib
from collections.abc import Callable
from typing import cast

from rankkit.errors import ConfigError, did_you_mean
from rankkit.export.target import Target


def _from(module: str, name: str) -> Callable[[], Target]:
    def made() -> Target:
        return cast(Target, getattr(importlib.import_module(f"rankkit.export.{module}"), name)())

    return made


TARGETS: dict[str, Callable[[], Target]] = {
    "onnx": _from("runtimes.onnx_target", "OnnxTarget"),
    "torch": _from("runtimes.torch_program", "TorchTarget"),
    "numpy": _from("runtimes.numpy_file", "NumpyTarget"),
    "solr": _from("search_engines.solr", "SolrTarget"),
    "elasticsearch": _from("search_engines.elasticsearch", "ElasticsearchTarget"),
    "opensearch": _from("search_engines.elasticsearch", "opensearch_target"),
    "vespa": _from("search_engines.vespa", "VespaTarget"),
    "triton": _from("runtimes.triton", "TritonTarget"),
    "kserve": _from("runtimes.kserve", "KServeTarget"),
}


def find_target(name: str, *, where: str = "--to") -> Target:
    """The target of that name.

    Args:
        name: A key of :data:`TARGETS`.
        where: What asked for it, for the message.

    Raises:
        ConfigError: If there is none; the message names the nearest.
    """
    if name not in TARGETS:
        raise ConfigError(f"{where}: expected the name of a target; got {name!r}. {did_you_mean(name, TARGETS)}")
    return TARGETS[name]()
