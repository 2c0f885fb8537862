"""Networks that rank, document by document in loops over float64 numbers."""

import math

import torch


def numbers(tensor):
    return tensor.detach().double().tolist()


def products(weight, bias, values):
    """A linear layer."""
    bias = [0.0] * len(weight) if bias is None else bias
    return [math.fsum(w * v for w, v in zip(row, values, strict=True)) + b for row, b in zip(weight, bias, strict=True)]


def cross_layer(values, start, weight, bias, inner=None):
    """start * (W x + b) + x, with W as it is or as a product whose first factor is ``inner``."""
    mixed = products(weight, bias, values if inner is None else products(inner, None, values))
    return [s * m + v for s, m, v in zip(start, mixed, values, strict=True)]


def dcn(scorer, features):
    """Scores of documents by a DCNScorer without transform and normalization, with relu, in evaluation."""
    scores = []
    for start in numbers(features):
        values = start
        for layer in scorer.cross:
            inner = None if isinstance(layer.inner, torch.nn.Identity) else numbers(layer.inner.weight)
            values = cross_layer(values, start, numbers(layer.linear.weight), numbers(layer.linear.bias), inner)
        deep = start if scorer.is_parallel else values
        for layer in scorer.hidden:
            deep = [max(v, 0.0) for v in products(numbers(layer.linear.weight), numbers(layer.linear.bias), deep)]
        last = values + deep if scorer.is_parallel else deep
        scores.append(products(numbers(scorer.output.weight), numbers(scorer.output.bias), last)[0])
    return scores


def looked_at(block, rows, others):
    """An AttentionBlock by torch's own multi-head attention, for one list."""
    width = rows.shape[1]
    torchs = torch.nn.MultiheadAttention(width, block.n_heads, batch_first=True, dtype=rows.dtype)
    torchs.in_proj_weight.data.copy_(torch.cat([block.query.weight, block.key.weight, block.value.weight]))
    torchs.in_proj_bias.data.copy_(torch.cat([block.query.bias, block.key.bias, block.value.bias]))
    torchs.out_proj.load_state_dict(block.mix.state_dict())
    looking = block.norm(rows)
    seen = looking if others is None else block.seen_norm(others)
    rows = rows + torchs(looking[None], seen[None], seen[None])[0][0]
    return rows + block.outer(block.inner(block.inner_norm(rows)).relu())


def attention(scorer, features, offsets):
    """Scores of documents by an AttentionScorer, a query at a time, in evaluation."""
    scores = []
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        if start == stop:
            continue
        rows = scorer.hidden(scorer.transform(features[start:stop], torch.tensor([0, stop - start])))
        for block in scorer.blocks:
            if hasattr(block, "points"):
                points = looked_at(block.gather, block.points, rows)
                rows = looked_at(block.spread, rows, points)
            else:
                rows = looked_at(block.own, rows, None)
        scores += scorer.output(scorer.norm(rows))[:, 0].tolist()
    return scores


def tabm(scorer, features):
    """``[member][doc]``: scores of a TabMScorer of one output without transform, with relu, in evaluation."""
    found = []
    for member in range(len(scorer.output.weight)):
        scores = []
        for values in numbers(features):
            for layer in scorer.hidden:
                scaled = [r * v for r, v in zip(numbers(layer.of_inputs[member]), values, strict=True)]
                sums = products(numbers(layer.weight), None, scaled)
                rest = zip(numbers(layer.of_outputs[member]), sums, numbers(layer.bias[member]), strict=True)
                values = [max(s * v + b, 0.0) for s, v, b in rest]
            scores += products(numbers(scorer.output.weight[member]), numbers(scorer.output.bias[member]), values)
        found.append(scores)
    return found


def additive(scorer, features):
    """``[doc][feature]``: what each feature adds to an AdditiveScorer without transform, with relu, in evaluation."""
    found = []
    for row in numbers(features):
        added = []
        for feature, value in enumerate(row):
            values = [value]
            for layer in scorer.hidden:
                sums = products(numbers(layer.weight[feature]), numbers(layer.bias[feature]), values)
                values = [max(v, 0.0) for v in sums]
            added += products(numbers(scorer.output.weight[feature]), None, values)
        found.append(added)
    return found
