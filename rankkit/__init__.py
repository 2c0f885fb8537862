"""rankkit: learning to rank on PyTorch.

>>> import rankkit as rk
>>> train, valid = rk.make_ranking(60, seed=1), rk.make_ranking(30, seed=2)
>>> scorer = rk.MLPScorer(train.n_features, hidden=(16,), seed=0)
>>> history = rk.fit(scorer, rk.ranknet_loss, train, valid, metric="ndcg@10", epochs=2)
>>> report = rk.evaluate(scorer, valid, ["ndcg@10", "mrr@10"])
>>> list(report.means)
['ndcg@10', 'mrr@10']

Names are imported from their modules at first use, so that ``import rankkit`` and ``rankkit --help`` stay fast.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rankkit.batch import QueryBatch as QueryBatch
    from rankkit.batch import pad as pad
    from rankkit.batch import unpad as unpad
    from rankkit.bundle import load as load
    from rankkit.bundle import save as save
    from rankkit.comparison import Results as Results
    from rankkit.comparison import compare as compare
    from rankkit.comparison import read_results as read_results
    from rankkit.errors import BundleError as BundleError
    from rankkit.errors import ConfigError as ConfigError
    from rankkit.errors import DataError as DataError
    from rankkit.errors import RankkitError as RankkitError
    from rankkit.errors import ShapeError as ShapeError
    from rankkit.errors import TrainingError as TrainingError
    from rankkit.evaluation import Evaluation as Evaluation
    from rankkit.evaluation import Protocol as Protocol
    from rankkit.evaluation import ProtocolTable as ProtocolTable
    from rankkit.evaluation import RunEvaluation as RunEvaluation
    from rankkit.evaluation import evaluate as evaluate
    from rankkit.evaluation import evaluate_protocols as evaluate_protocols
    from rankkit.evaluation import evaluate_run as evaluate_run
    from rankkit.evaluation import evaluate_scores as evaluate_scores
    from rankkit.evaluation import predict as predict
    from rankkit.loaders.dataset import RankingDataset as RankingDataset
    from rankkit.loaders.feature_names import with_feature_names as with_feature_names
    from rankkit.loaders.feature_statistics import FeatureStatistics as FeatureStatistics
    from rankkit.loaders.feature_statistics import feature_statistics as feature_statistics
    from rankkit.loaders.files import convert as convert
    from rankkit.loaders.files import read as read
    from rankkit.loaders.files import write as write
    from rankkit.loaders.folds import read_folds as read_folds
    from rankkit.loaders.letor import read_letor as read_letor
    from rankkit.loaders.merging import merge as merge
    from rankkit.loaders.scores import write_scores as write_scores
    from rankkit.loaders.summary import summarize as summarize
    from rankkit.loaders.synthetic import make_ranking as make_ranking
    from rankkit.loaders.tabular import from_arrays as from_arrays
    from rankkit.loaders.tabular import from_arrow as from_arrow
    from rankkit.loaders.tabular import from_pandas as from_pandas
    from rankkit.loaders.tabular import read_arrow as read_arrow
    from rankkit.loaders.tabular import read_csv as read_csv
    from rankkit.loaders.tabular import read_parquet as read_parquet
    from rankkit.loaders.trec import read_qrels as read_qrels
    from rankkit.loaders.trec import write_qrels as write_qrels
    from rankkit.loaders.views import drop_features as drop_features
    from rankkit.loaders.views import filter_queries as filter_queries
    from rankkit.loaders.views import select_features as select_features
    from rankkit.loaders.views import split as split
    from rankkit.loaders.views import subsample as subsample
    from rankkit.metrics import average_precision as average_precision
    from rankkit.metrics import dcg as dcg
    from rankkit.metrics import err as err
    from rankkit.metrics import hit_rate as hit_rate
    from rankkit.metrics import mrr as mrr
    from rankkit.metrics import ndcg as ndcg
    from rankkit.metrics import precision as precision
    from rankkit.metrics import recall as recall
    from rankkit.objectives import Objective as Objective
    from rankkit.objectives import bce_loss as bce_loss
    from rankkit.objectives import cross_entropy_loss as cross_entropy_loss
    from rankkit.objectives import hinge_loss as hinge_loss
    from rankkit.objectives import listnet_loss as listnet_loss
    from rankkit.objectives import mse_loss as mse_loss
    from rankkit.objectives import pairwise_hinge_loss as pairwise_hinge_loss
    from rankkit.objectives import pairwise_logistic_loss as pairwise_logistic_loss
    from rankkit.objectives import ranknet_loss as ranknet_loss
    from rankkit.objectives import softmax_loss as softmax_loss
    from rankkit.scorers import LinearScorer as LinearScorer
    from rankkit.scorers import MLPScorer as MLPScorer
    from rankkit.training import History as History
    from rankkit.training import fit as fit

_NAMES_OF = {
    "rankkit.batch": ("QueryBatch", "pad", "unpad"),
    "rankkit.bundle": ("load", "save"),
    "rankkit.comparison": ("Results", "compare", "read_results"),
    "rankkit.errors": ("BundleError", "ConfigError", "DataError", "RankkitError", "ShapeError", "TrainingError"),
    "rankkit.evaluation": (
        "Evaluation",
        "Protocol",
        "ProtocolTable",
        "RunEvaluation",
        "evaluate",
        "evaluate_protocols",
        "evaluate_run",
        "evaluate_scores",
        "predict",
    ),
    "rankkit.loaders.dataset": ("RankingDataset",),
    "rankkit.loaders.feature_names": ("with_feature_names",),
    "rankkit.loaders.feature_statistics": ("FeatureStatistics", "feature_statistics"),
    "rankkit.loaders.files": ("convert", "read", "write"),
    "rankkit.loaders.folds": ("read_folds",),
    "rankkit.loaders.letor": ("read_letor",),
    "rankkit.loaders.merging": ("merge",),
    "rankkit.loaders.scores": ("write_scores",),
    "rankkit.loaders.summary": ("summarize",),
    "rankkit.loaders.synthetic": ("make_ranking",),
    "rankkit.loaders.tabular": ("from_arrays", "from_arrow", "from_pandas", "read_arrow", "read_csv", "read_parquet"),
    "rankkit.loaders.trec": ("read_qrels", "write_qrels"),
    "rankkit.loaders.views": ("drop_features", "filter_queries", "select_features", "split", "subsample"),
    "rankkit.metrics": ("average_precision", "dcg", "err", "hit_rate", "mrr", "ndcg", "precision", "recall"),
    "rankkit.objectives": (
        "Objective",
        "bce_loss",
        "cross_entropy_loss",
        "hinge_loss",
        "listnet_loss",
        "mse_loss",
        "pairwise_hinge_loss",
        "pairwise_logistic_loss",
        "ranknet_loss",
        "softmax_loss",
    ),
    "rankkit.scorers": ("LinearScorer", "MLPScorer"),
    "rankkit.training": ("History", "fit"),
}
_HOME = {name: module for module, names in _NAMES_OF.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rankkit' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
