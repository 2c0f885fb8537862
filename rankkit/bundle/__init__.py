"""The bundle: a model as a folder of weights and ``model.json``."""

from rankkit.bundle.folder import WEIGHTS_FILE, build, load, load_encoder, load_scorer, read, save

__all__ = ["WEIGHTS_FILE", "build", "load", "load_encoder", "load_scorer", "read", "save"]
