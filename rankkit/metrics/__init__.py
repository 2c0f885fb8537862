r"""Ranking metrics: pure functions of (scores, labels, mask), one float64 a query, NaN where undefined.

What holds for each of them is said here, once.

*Arguments*: one score a document of any scale; labels are graded relevance from 0, not relevant; ``mask`` is True where
a document is real (None: everywhere), and what stands in padded places is never read. In formulas document i has score
:math:`s_i`, label :math:`y_i` and rank :math:`r_i` by falling score, from 1. ``k`` is how many ranks count; None, or
more than the list holds, is all of them.

*Relevant* to metrics of binary relevance is a label of at least ``relevant_from``, :math:`\tau` in formulas.

*Ties*: ``"pessimistic"`` puts the least relevant of tied documents first, so that a constant scorer wins nothing by row
order; ``"expected"`` gives the mean over all their orders, in closed form; ``"stable"`` keeps the order of the list.

*Not retrieved* is a document whose score is -inf: it takes no rank and gains nothing, but it counts in the best order
and among the relevant documents. A list may be the top k of more in two further ways: ``n_relevant`` says how many
documents are relevant in all, and ``judged_labels`` (with ``judged_mask``, where padded) holds the labels of all that
were judged, those of the list among them. Without these the list is taken for all there is.

*Undefined* is a query without a relevant document (no label above 0, for graded metrics), also where a formula would
give 0: the value is NaN. :class:`rankkit.Evaluation` counts such queries as 0 unless told otherwise, and says how many
there are.

*Errors*: ShapeError where shapes differ; DataError where a score is NaN or a label NaN, infinite or negative;
ConfigError where an option has a value that it cannot have.

They share one engine (:mod:`rankkit.metrics.engine`) that works on flat documents with offsets. The means over tied
orders follow McSherry, Najork: Computing information retrieval performance measures efficiently in the presence of tied
scores. ECIR 2008.
"""

from rankkit.metrics.at_r import map_at_r, r_precision
from rankkit.metrics.binary import average_precision, f1, hit_rate, mrr, precision, recall
from rankkit.metrics.engine import Discount, Ideal, JudgedDocuments, Ranking, ShortList, Ties, rank_documents
from rankkit.metrics.graded import arp, dcg, ndcg
from rankkit.metrics.pairs import bpref, opa
from rankkit.metrics.user_models import Satisfaction, err, rbp

__all__ = [
    "Discount",
    "Ideal",
    "JudgedDocuments",
    "Ranking",
    "Satisfaction",
    "ShortList",
    "Ties",
    "arp",
    "average_precision",
    "bpref",
    "dcg",
    "err",
    "f1",
    "hit_rate",
    "map_at_r",
    "mrr",
    "ndcg",
    "opa",
    "precision",
    "r_precision",
    "rank_documents",
    "rbp",
    "recall",
]
