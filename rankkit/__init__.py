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
    from rankkit.clicks import CascadeModel as CascadeModel
    from rankkit.clicks import ClickModel as ClickModel
    from rankkit.clicks import DependentClickModel as DependentClickModel
    from rankkit.clicks import PositionBasedModel as PositionBasedModel
    from rankkit.clicks import estimate_propensities as estimate_propensities
    from rankkit.clicks import propensity_weighted as propensity_weighted
    from rankkit.clicks import relevance_probability as relevance_probability
    from rankkit.clicks import shown_lists as shown_lists
    from rankkit.clicks import simulate_clicks as simulate_clicks
    from rankkit.comparison import Results as Results
    from rankkit.comparison import compare as compare
    from rankkit.comparison import read_results as read_results
    from rankkit.errors import BundleError as BundleError
    from rankkit.errors import ConfigError as ConfigError
    from rankkit.errors import DataError as DataError
    from rankkit.errors import ExportError as ExportError
    from rankkit.errors import RankkitError as RankkitError
    from rankkit.errors import ShapeError as ShapeError
    from rankkit.errors import TrainingError as TrainingError
    from rankkit.estimator import Ranker as Ranker
    from rankkit.evaluation import Attributions as Attributions
    from rankkit.evaluation import Evaluation as Evaluation
    from rankkit.evaluation import Importance as Importance
    from rankkit.evaluation import Protocol as Protocol
    from rankkit.evaluation import ProtocolTable as ProtocolTable
    from rankkit.evaluation import RunEvaluation as RunEvaluation
    from rankkit.evaluation import attribute as attribute
    from rankkit.evaluation import evaluate as evaluate
    from rankkit.evaluation import evaluate_protocols as evaluate_protocols
    from rankkit.evaluation import evaluate_run as evaluate_run
    from rankkit.evaluation import evaluate_scores as evaluate_scores
    from rankkit.evaluation import permutation_importance as permutation_importance
    from rankkit.evaluation import predict as predict
    from rankkit.evaluation import pseudo_labels as pseudo_labels
    from rankkit.export import export_onnx as export_onnx
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
    from rankkit.objectives import DualLearning as DualLearning
    from rankkit.objectives import Objective as Objective
    from rankkit.objectives import approx_map_loss as approx_map_loss
    from rankkit.objectives import approx_mrr_loss as approx_mrr_loss
    from rankkit.objectives import approx_ndcg_loss as approx_ndcg_loss
    from rankkit.objectives import approx_precision_loss as approx_precision_loss
    from rankkit.objectives import approx_ranks as approx_ranks
    from rankkit.objectives import attention_rank_loss as attention_rank_loss
    from rankkit.objectives import bce_loss as bce_loss
    from rankkit.objectives import bound_ndcg_loss as bound_ndcg_loss
    from rankkit.objectives import bound_ranks as bound_ranks
    from rankkit.objectives import calibrated_softmax_loss as calibrated_softmax_loss
    from rankkit.objectives import circle_loss as circle_loss
    from rankkit.objectives import cross_entropy_loss as cross_entropy_loss
    from rankkit.objectives import dcg_delta as dcg_delta
    from rankkit.objectives import focal_bce_loss as focal_bce_loss
    from rankkit.objectives import gumbel_approx_ndcg_loss as gumbel_approx_ndcg_loss
    from rankkit.objectives import gumbel_loss as gumbel_loss
    from rankkit.objectives import hinge_loss as hinge_loss
    from rankkit.objectives import kl_distillation_loss as kl_distillation_loss
    from rankkit.objectives import kl_loss as kl_loss
    from rankkit.objectives import label_difference as label_difference
    from rankkit.objectives import lambdaloss_arp1_loss as lambdaloss_arp1_loss
    from rankkit.objectives import lambdaloss_arp2_loss as lambdaloss_arp2_loss
    from rankkit.objectives import lambdaloss_ndcg1_loss as lambdaloss_ndcg1_loss
    from rankkit.objectives import lambdaloss_ndcg2_loss as lambdaloss_ndcg2_loss
    from rankkit.objectives import lambdaloss_ndcg2pp_loss as lambdaloss_ndcg2pp_loss
    from rankkit.objectives import lambdarank_loss as lambdarank_loss
    from rankkit.objectives import lambdarank_map_loss as lambdarank_map_loss
    from rankkit.objectives import lambdarank_mrr_loss as lambdarank_mrr_loss
    from rankkit.objectives import listmle_loss as listmle_loss
    from rankkit.objectives import listnet_loss as listnet_loss
    from rankkit.objectives import map_delta as map_delta
    from rankkit.objectives import margin_mse_loss as margin_mse_loss
    from rankkit.objectives import mrr_delta as mrr_delta
    from rankkit.objectives import mse_loss as mse_loss
    from rankkit.objectives import ndcg_delta as ndcg_delta
    from rankkit.objectives import ndcg_loss2 as ndcg_loss2
    from rankkit.objectives import ndcg_loss2pp as ndcg_loss2pp
    from rankkit.objectives import neural_ndcg_loss as neural_ndcg_loss
    from rankkit.objectives import neural_sort_loss as neural_sort_loss
    from rankkit.objectives import ordinal_loss as ordinal_loss
    from rankkit.objectives import p_listmle_loss as p_listmle_loss
    from rankkit.objectives import pairwise_exponential_loss as pairwise_exponential_loss
    from rankkit.objectives import pairwise_hinge_loss as pairwise_hinge_loss
    from rankkit.objectives import pairwise_logistic_loss as pairwise_logistic_loss
    from rankkit.objectives import pairwise_mse_loss as pairwise_mse_loss
    from rankkit.objectives import pairwise_soft_zero_one_loss as pairwise_soft_zero_one_loss
    from rankkit.objectives import pirank_loss as pirank_loss
    from rankkit.objectives import poly1_softmax_loss as poly1_softmax_loss
    from rankkit.objectives import precision_delta as precision_delta
    from rankkit.objectives import rank_cosine_loss as rank_cosine_loss
    from rankkit.objectives import rank_distil_loss as rank_distil_loss
    from rankkit.objectives import ranknet_loss as ranknet_loss
    from rankkit.objectives import rmse_loss as rmse_loss
    from rankkit.objectives import softmax_loss as softmax_loss
    from rankkit.objectives import softrank_ndcg_loss as softrank_ndcg_loss
    from rankkit.objectives import unique_softmax_loss as unique_softmax_loss
    from rankkit.objectives import weighted_sum as weighted_sum
    from rankkit.objectives import xe_ndcg_loss as xe_ndcg_loss
    from rankkit.objectives import yeti_loss as yeti_loss
    from rankkit.objectives import yeti_rank_loss as yeti_rank_loss
    from rankkit.scorers import LinearScorer as LinearScorer
    from rankkit.scorers import MLPScorer as MLPScorer
    from rankkit.training import History as History
    from rankkit.training import fit as fit

_NAMES_OF = {
    "rankkit.batch": ("QueryBatch", "pad", "unpad"),
    "rankkit.bundle": ("load", "save"),
    "rankkit.clicks": (
        "CascadeModel",
        "ClickModel",
        "DependentClickModel",
        "PositionBasedModel",
        "estimate_propensities",
        "propensity_weighted",
        "relevance_probability",
        "shown_lists",
        "simulate_clicks",
    ),
    "rankkit.comparison": ("Results", "compare", "read_results"),
    "rankkit.errors": (
        "BundleError",
        "ConfigError",
        "DataError",
        "ExportError",
        "RankkitError",
        "ShapeError",
        "TrainingError",
    ),
    "rankkit.estimator": ("Ranker",),
    "rankkit.evaluation": (
        "Attributions",
        "Evaluation",
        "Importance",
        "Protocol",
        "ProtocolTable",
        "RunEvaluation",
        "attribute",
        "evaluate",
        "evaluate_protocols",
        "evaluate_run",
        "evaluate_scores",
        "permutation_importance",
        "predict",
        "pseudo_labels",
    ),
    "rankkit.export": ("export_onnx",),
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
        "DualLearning",
        "Objective",
        "approx_map_loss",
        "approx_mrr_loss",
        "approx_ndcg_loss",
        "approx_precision_loss",
        "approx_ranks",
        "attention_rank_loss",
        "bce_loss",
        "bound_ndcg_loss",
        "bound_ranks",
        "calibrated_softmax_loss",
        "circle_loss",
        "cross_entropy_loss",
        "dcg_delta",
        "focal_bce_loss",
        "gumbel_approx_ndcg_loss",
        "gumbel_loss",
        "hinge_loss",
        "kl_distillation_loss",
        "kl_loss",
        "label_difference",
        "lambdaloss_arp1_loss",
        "lambdaloss_arp2_loss",
        "lambdaloss_ndcg1_loss",
        "lambdaloss_ndcg2_loss",
        "lambdaloss_ndcg2pp_loss",
        "lambdarank_loss",
        "lambdarank_map_loss",
        "lambdarank_mrr_loss",
        "listmle_loss",
        "listnet_loss",
        "map_delta",
        "margin_mse_loss",
        "mrr_delta",
        "mse_loss",
        "ndcg_delta",
        "ndcg_loss2",
        "ndcg_loss2pp",
        "neural_ndcg_loss",
        "neural_sort_loss",
        "ordinal_loss",
        "p_listmle_loss",
        "pairwise_exponential_loss",
        "pairwise_hinge_loss",
        "pairwise_logistic_loss",
        "pairwise_mse_loss",
        "pairwise_soft_zero_one_loss",
        "pirank_loss",
        "poly1_softmax_loss",
        "precision_delta",
        "rank_cosine_loss",
        "rank_distil_loss",
        "ranknet_loss",
        "rmse_loss",
        "softmax_loss",
        "softrank_ndcg_loss",
        "unique_softmax_loss",
        "weighted_sum",
        "xe_ndcg_loss",
        "yeti_loss",
        "yeti_rank_loss",
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
