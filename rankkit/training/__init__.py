"""fit(): one training loop, its checkpoints and its progress."""

from rankkit.training.callbacks import Callback, StepRecord
from rankkit.training.distilling import distill, out_of_fold_scores
from rankkit.training.fitting import fit, fit_encoder
from rankkit.training.history import EpochRecord, History
from rankkit.training.interrupt import TrainingInterrupted
from rankkit.training.pretraining import pretrain

__all__ = [
    "Callback",
    "EpochRecord",
    "History",
    "StepRecord",
    "TrainingInterrupted",
    "distill",
    "fit",
    "fit_encoder",
    "out_of_fold_scores",
    "pretrain",
]
