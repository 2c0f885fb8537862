"""One request of the service.

`experiments/speed/serving.py`: one `POST /rank` of 100 documents with 136 features as shortest digits, the default
network, stage by stage; the ways take turns, so that none finds its weights in the processor's cache. Scores of the
table differ from those of the matrix by float32's rounding; those of the frozen table and of the compared one are
equal. The least of a stage is what its ways cannot do without: taking the bytes in once, and the products of all layers
but the first. Medians of the turns. Requests over connections, with all of HTTP, are measured by
`experiments/export/serve_load.py`.
"""

import json
from itertools import pairwise
from unittest.mock import patch

import msgspec
import numpy as np
import torch
from measuring import begin, print_table, take_turns

import rankkit as rk
from rankkit.export.source import read_source
from rankkit.models.scorers.networks import hidden
from rankkit.serving.bodies import reading
from rankkit.serving.bodies.form import Form
from rankkit.serving.scoring.ranker import ServedRanker

N_DOCS, N_FEATURES = 100, 136
HIDDEN = (256, 256, 128, 1)


def default_scorer():
    """The default network, its transform fitted; untrained weights cost the same time."""
    data = rk.make_ranking(200, n_features=N_FEATURES, seed=0)
    scorer = rk.MLPScorer(N_FEATURES, HIDDEN[:-1], seed=0)
    scorer.transform.fit(data.features, data.offsets)
    return scorer


def by_products():
    """Those of all layers but the first."""
    values = [torch.randn(N_DOCS, width) for width in HIDDEN]
    weights = [torch.randn(n_in, n_out) for n_in, n_out in pairwise(HIDDEN)]

    def run():
        for layer, weight in enumerate(weights):
            torch.mm(values[layer], weight, out=values[layer + 1])

    return run


def request():
    """One query, and the body that asks for it."""
    one = rk.make_ranking(1, n_features=N_FEATURES, list_size=(N_DOCS, N_DOCS), seed=3)
    rows = [[float(str(value)) for value in row] for row in one.features]  # shortest digits
    return one, json.dumps({"documents": [{"id": place, "features": row} for place, row in enumerate(rows)]}).encode()


def ways(one, body):
    """``{(stage, way): function}``; the first way of a stage is what the others are compared with."""
    scorer = default_scorer()
    form = Form(tuple(map(str, range(1, N_FEATURES + 1))), True, 2000, 10_000)
    looking, frozen = read_source(scorer), ServedRanker(read_source(scorer))
    scores = frozen.scores(one.features, one.offsets)

    def by_matrix():
        with patch.object(hidden, "can_gather", lambda *given: False):
            return looking.scores(one.features, one.offsets)

    def answer():
        order = np.argsort(-scores, kind="stable").tolist()
        values = scores.tolist()
        ranked = [{"id": place, "score": values[place], "rank": rank} for rank, place in enumerate(order, 1)]
        return msgspec.json.encode({"query_id": None, "documents": ranked})

    return {
        ("read the body", "msgspec, lists to an array"): lambda: reading._plain_rank(body, form).features,
        ("read the body", "digits to float32"): lambda: reading._rank_numbers(body, form).features,
        ("read the body", "the least: bytes.count of them"): lambda: body.count(b","),
        ("score", "first layer as a matrix"): by_matrix,
        ("score", "as a table, compared with the weights"): lambda: looking.scores(one.features, one.offsets),
        ("score", "as a table, weights frozen (the service)"): lambda: frozen.scores(one.features, one.offsets),
        ("score", "the least: products of later layers"): by_products(),
        ("predict", "as a table, compared with the weights"): lambda: rk.predict(scorer, one),
        ("write the answer", "msgspec"): answer,
    }


def main():
    options = begin(__doc__, turns=150)
    one, body = request()
    measured = ways(one, body)
    spent = take_turns(measured, options.turns, least=0.0, warm=20)
    print(f"\nThe body has {len(body):,} bytes; {options.turns} turns.")
    first, rows = {}, []
    for (stage, way), run in measured.items():
        each, found = spent[stage, way], run()
        expected, slowest = first.setdefault(stage, (found, each))
        compared = isinstance(found, np.ndarray)
        difference = f"{np.abs(found - expected).max():.1g}" if compared else ""
        ms = [f"{1000 * seconds:.3f}" for seconds in (each.seconds, each.user_seconds)]
        rows.append((stage, way, *ms, f"{slowest.over(each):,.2f}", difference))
    print_table(["stage", "way", "ms", "user ms", "times as fast", "largest difference"], rows)


if __name__ == "__main__":
    main()
