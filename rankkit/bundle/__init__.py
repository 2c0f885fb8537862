"""The bundle: a model as a folder of weights and ``model.json``."""

from rankkit.bundle.folder import build, kind_of, load, load_encoder, load_scorer, read, save, weights_file
from rankkit.bundle.origins import name_for

__all__ = ["build", "kind_of", "load", "load_encoder", "load_scorer", "name_for", "read", "save", "weights_file"]
