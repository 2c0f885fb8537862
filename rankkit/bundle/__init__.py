"""The bundle: a model as a folder of weights and ``model.json``."""

from rankkit.bundle.folder import WEIGHTS_FILE, build, load, load_encoder, load_scorer, read, save
from rankkit.bundle.origins import name_for

__all__ = ["WEIGHTS_FILE", "build", "load", "load_encoder", "load_scorer", "name_for", "read", "save"]
