"""The other tools: how each is imported and installed, and what is left out where it is not."""

import importlib
import importlib.metadata
import os
import sys
from unittest.mock import MagicMock

# What is imported, the distributions that may hold it, and the command that installs one.
PEERS = {
    "allRank": ("allrank.models.losses", ["allRank"], "--no-deps allRank attrs flatten-dict tensorboardX"),
    "CatBoost": ("catboost", ["catboost"], "catboost"),
    "LightGBM": ("lightgbm", ["lightgbm"], "lightgbm"),
    "ONNX Runtime": ("onnxruntime", ["onnxruntime"], "onnxruntime"),
    "onnxmltools": ("onnxmltools", ["onnxmltools"], "onnxmltools"),
    "pandas": ("pandas", ["pandas"], "pandas"),
    "polars": ("polars", ["polars"], "polars"),
    "pytorchltr": ("pytorchltr.loss", ["pytorchltr", "pytorchltr2"], "pytorchltr2"),
    "pytrec_eval": ("pytrec_eval", ["pytrec_eval-terrier", "pytrec_eval"], "pytrec_eval-terrier"),
    "ranx": ("ranx", ["ranx"], "ranx"),
    "Rax": ("rax", ["rax"], "rax"),
    "scikit-learn": ("sklearn", ["scikit-learn"], "scikit-learn"),
    "XGBoost": ("xgboost", ["xgboost-cpu", "xgboost"], "xgboost-cpu"),
}
# allRank imports these to read files from a cloud and to chain transforms; nothing that is measured calls them.
UNUSED_BY_ALLRANK = ("torchvision", "gcsfs", "pkg_resources")
ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false", "JAX_PLATFORMS": "cpu"}


def installed(*names, imported=True):
    """Those of the peers that are there, as ``{name: name and version}``; the others are named in a printed line.

    Args:
        names: Of the table above.
        imported: Import them here; else only their distributions are looked up.
    """
    found, absent = {}, []
    for name in names:
        module, distributions, command = PEERS[name]
        version = next(filter(None, map(_version, distributions)), None)
        reason = "" if version is None or not imported else _failure(name, module)
        if version is None or reason:
            absent.append(f"{name} (`pip install {command}`{reason})")
        else:
            found[name] = f"{name} {version}"
    if absent:
        print(f"\nLeft out, since not installed here: {', '.join(absent)}.")
    return found


def _failure(name, module):
    """Why it cannot be imported; empty if it can."""
    if name == "allRank":
        _stand_in()
    if name == "Rax":
        os.environ.update(ONE_THREAD)  # read when jax is imported
    try:
        importlib.import_module(module)
    except Exception as error:  # whatever an import may raise
        return f"; it is there, but {type(error).__name__}: {error}"
    return ""


def _stand_in():
    """Empty modules for what allRank imports and does not need here, where they cannot be imported."""
    for name in UNUSED_BY_ALLRANK:
        try:
            importlib.import_module(name)
        except Exception:
            for part in [part for part in sys.modules if part.split(".")[0] == name]:
                del sys.modules[part]
            sys.modules[name] = MagicMock()
            if name == "torchvision":
                sys.modules["torchvision.transforms"] = sys.modules[name].transforms


def _version(distribution):
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
