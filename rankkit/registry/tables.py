"""The tables: a line a task, scorer, encoder, recommender, objective, metric, transform and export target.

A line added here enrols the entry in the shared tests, in the command line and in experiment files.
"""

from rankkit.errors import ConfigError, did_you_mean
from rankkit.registry.entries import Entries

SCORERS = Entries(
    "rankkit.models.scorers",
    {
        "linear": "LinearScorer",
        "mlp": "MLPScorer",
        "dcn": "DCNScorer",
        "attention": "AttentionScorer",
        "dasalc": "DASALCScorer",
        "tabm": "TabMScorer",
        "additive": "AdditiveScorer",
    },
)

# Scorers that a library grows tree by tree, under any objective that reads one score.
BOOSTED_SCORERS = Entries(
    "rankkit.models.trees",
    {
        "lightgbm": "LightGBM",
        "xgboost": "XGBoost",
        "catboost": "CatBoost",
    },
)

# Scorers without weights that gradients could train: they learn in one go, or not at all.
FIXED_SCORERS = Entries(
    "rankkit.models.scorers",
    {
        "one_feature": "OneFeature",
        "random": "RandomScorer",
        "trees": "rankkit.models.trees:TreeScorer",
    },
)

ENCODERS = Entries(
    "rankkit.models.encoders",
    {
        "mlp": "MLPEncoder",
        "conv": "ConvEncoder",
    },
)

FIXED_ENCODERS = Entries(
    "rankkit.models.encoders",
    {
        "raw": "RawEncoder",
    },
)

# They learn in one go from a log of users and items, and list items.
RECOMMENDERS = Entries(
    "rankkit.models.recommenders",
    {
        "popularity": "Popularity",
        "item_knn": "ItemKNN",
        "ease": "EASE",
        "als": "ALS",
        "bpr": "BPRMF",
        "markov": "Markov",
    },
)

OBJECTIVES = Entries(
    "rankkit.objectives",
    {
        "bce": "bce_loss",
        "focal_bce": "focal_bce_loss",
        "hinge": "hinge_loss",
        "mse": "mse_loss",
        "rmse": "rmse_loss",
        "cross_entropy": "cross_entropy_loss",
        "ordinal": "ordinal_loss",
        "ranknet": "ranknet_loss",
        "pairwise_hinge": "pairwise_hinge_loss",
        "pairwise_soft_zero_one": "pairwise_soft_zero_one_loss",
        "pairwise_exponential": "pairwise_exponential_loss",
        "pairwise_mse": "pairwise_mse_loss",
        "group_quantile": "group_quantile_loss",
        "margin_mse": "margin_mse_loss",
        "circle": "circle_loss",
        "graded_circle": "graded_circle_loss",
        "lambdarank": "lambdarank_loss",
        "lambdarank_map": "lambdarank_map_loss",
        "lambdarank_mrr": "lambdarank_mrr_loss",
        "lambdaloss_ndcg1": "lambdaloss_ndcg1_loss",
        "lambdaloss_ndcg2": "lambdaloss_ndcg2_loss",
        "lambdaloss_ndcg2pp": "lambdaloss_ndcg2pp_loss",
        "lambdaloss_arp1": "lambdaloss_arp1_loss",
        "lambdaloss_arp2": "lambdaloss_arp2_loss",
        "listnet": "listnet_loss",
        "gumbel_listnet": "gumbel_listnet_loss",
        "softmax": "softmax_loss",
        "lambda_softmax": "lambda_softmax_loss",
        "listwide_softmax": "listwide_softmax_loss",
        "poly1_softmax": "poly1_softmax_loss",
        "unique_softmax": "unique_softmax_loss",
        "calibrated_softmax": "calibrated_softmax_loss",
        "kl": "kl_loss",
        "query_cross_entropy": "query_cross_entropy_loss",
        "xe_ndcg": "xe_ndcg_loss",
        "listmle": "listmle_loss",
        "p_listmle": "p_listmle_loss",
        "attention_rank": "attention_rank_loss",
        "rank_cosine": "rank_cosine_loss",
        "wass_rank": "wass_rank_loss",
        "kl_distillation": "kl_distillation_loss",
        "rank_distil": "rank_distil_loss",
        "approx_ndcg": "approx_ndcg_loss",
        "bound_ndcg": "bound_ndcg_loss",
        "approx_mrr": "approx_mrr_loss",
        "approx_map": "approx_map_loss",
        "approx_precision": "approx_precision_loss",
        "gumbel_approx_ndcg": "gumbel_approx_ndcg_loss",
        "neural_ndcg": "neural_ndcg_loss",
        "neural_sort": "neural_sort_loss",
        "pirank": "pirank_loss",
        "softrank_ndcg": "softrank_ndcg_loss",
        "stochastic_rank": "stochastic_rank_loss",
        "yeti_rank": "yeti_rank_loss",
        "yeti": "yeti_loss",
    },
)

# Classes, not functions: they have weights of their own, and take click logs, whose documents stand in shown order.
CLICK_OBJECTIVES = Entries(
    "rankkit.objectives",
    {
        "dual_learning": "DualLearning",
    },
)

# What they are called with is their attribute ``takes``: pairs, triplets, two views, or embeddings with classes.
EMBEDDING_OBJECTIVES = Entries(
    "rankkit.objectives.embedding",
    {
        "contrastive": "contrastive_loss",
        "verification": "verification_loss",
        "triplet": "triplet_loss",
        "soft_margin_triplet": "soft_margin_triplet_loss",
        "softmax_ratio_triplet": "softmax_ratio_triplet_loss",
        "lossless_triplet": "lossless_triplet_loss",
        "linear_triplet": "linear_triplet_loss",
        "nt_xent": "nt_xent_loss",
        "info_nce": "info_nce_loss",
        "multiple_negatives_ranking": "multiple_negatives_ranking_loss",
        "n_pair": "n_pair_loss",
        "supcon": "supcon_loss",
        "multi_similarity": "multi_similarity_loss",
        "embedding_circle": "embedding_circle_loss",
        "arcface": "arcface_loss",
        "cosface": "cosface_loss",
        "proxy_anchor": "proxy_anchor_loss",
    },
)

METRICS = Entries(
    "rankkit.metrics",
    {
        "dcg": "dcg",
        "ndcg": "ndcg",
        "err": "err",
        "mrr": "mrr",
        "map": "average_precision",
        "precision": "precision",
        "recall": "recall",
        "hit_rate": "hit_rate",
        "f1": "f1",
        "rbp": "rbp",
        "bpref": "bpref",
        "opa": "opa",
        "arp": "arp",
        "r_precision": "r_precision",
        "map_at_r": "map_at_r",
    },
)

TRANSFORMS = Entries(
    "rankkit.transforms",
    {
        "none": "rankkit.transforms.elementwise:Identity",
        "log1p": "rankkit.transforms.elementwise:Log1p",
        "standardize": "rankkit.transforms.elementwise:Standardize",
        "minmax": "rankkit.transforms.elementwise:MinMax",
        "missing": "rankkit.transforms.elementwise:Missing",
        "quantile": "rankkit.transforms.quantiles:Quantile",
        "piecewise": "rankkit.transforms.quantiles:Piecewise",
        "query_standardize": "rankkit.transforms.queries:QueryStandardize",
        "query_minmax": "rankkit.transforms.queries:QueryMinMax",
        "query_rank": "rankkit.transforms.positions:QueryRank",
        "query_share": "rankkit.transforms.queries:QueryShare",
        "query_gap": "rankkit.transforms.positions:QueryGap",
    },
)

TARGETS = Entries(
    "rankkit.export",
    {
        "onnx": "rankkit.export.runtimes.onnx_target:OnnxTarget",
        "torch": "rankkit.export.runtimes.torch_program:TorchTarget",
        "numpy": "rankkit.export.runtimes.numpy_file:NumpyTarget",
        "solr": "rankkit.export.search_engines.solr:SolrTarget",
        "elasticsearch": "rankkit.export.search_engines.elasticsearch:ElasticsearchTarget",
        "opensearch": "rankkit.export.search_engines.elasticsearch:opensearch_target",
        "vespa": "rankkit.export.search_engines.vespa:VespaTarget",
        "triton": "rankkit.export.runtimes.triton:TritonTarget",
        "kserve": "rankkit.export.runtimes.kserve:KServeTarget",
    },
)

# What differs between kinds of models: see rankkit.tasks.task.
TASKS = Entries(
    "rankkit.tasks",
    {
        "ranking": "rankkit.tasks.ranking.task:RANKING",
        "similarity": "rankkit.tasks.similarity.task:SIMILARITY",
        "recommendation": "rankkit.tasks.recommendation.task:RECOMMENDATION",
    },
)

# The tables that a kind looks into; what is registered goes into the first. Objectives of all kinds share their names.
KINDS: dict[str, tuple[Entries, ...]] = {
    "task": (TASKS,),
    "scorer": (SCORERS, BOOSTED_SCORERS, FIXED_SCORERS),
    "encoder": (ENCODERS, FIXED_ENCODERS),
    "recommender": (RECOMMENDERS,),
    "objective": (OBJECTIVES, CLICK_OBJECTIVES),
    "embedding objective": (EMBEDDING_OBJECTIVES,),
    "metric": (METRICS,),
    "transform": (TRANSFORMS,),
    "target": (TARGETS,),
}


MODELS: list[str] = ["scorer", "encoder", "recommender"]
"""The kinds that are models: what a task calls its own. Each is a class, built anew from its options."""


def add_models(kind: str) -> None:
    """Make room for the models of a task that was registered."""
    if kind not in MODELS:
        MODELS.append(kind)
        KINDS[kind] = (Entries("", {}),)


def remove_models(kind: str) -> None:
    """Take back what :func:`add_models` did, with the models."""
    if kind in MODELS and not KINDS[kind][0].built_in:
        MODELS.remove(kind)
        del KINDS[kind]


def tables_of(kind: str) -> tuple[Entries, ...]:
    """The tables that a kind looks into.

    Raises:
        ConfigError: If there is no such kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"kind: expected one of {', '.join(KINDS)}; got {kind!r}. {did_you_mean(str(kind), KINDS)}")
    return KINDS[kind]
