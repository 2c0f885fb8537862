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


def dasalc(scorer, features, offsets):
    """Scores of documents by a DASALCScorer without transform, noise and dropout: a document, a head at a time."""
    rows = numbers(features)
    values = batch_normed(scorer.norm, rows)
    for layer in scorer.hidden:
        linear = (numbers(layer.linear.weight), numbers(layer.linear.bias))
        values = batch_normed(layer.normalization, [[max(v, 0.0) for v in products(*linear, row)] for row in values])
    values = [products(numbers(scorer.mixed.weight), numbers(scorer.mixed.bias), row) for row in values]
    start = (numbers(scorer.start.weight), numbers(scorer.start.bias))
    seen = [[max(v, 0.0) for v in products(*start, row)] for row in rows]
    for block in scorer.blocks:
        seen = [
            normed
            for first, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
            for normed in attended(block, seen[first:stop])
        ]
    seen = batch_normed(scorer.seen_norm, seen)
    scores = []
    for row, of_list in zip(values, seen, strict=True):
        scale = products(numbers(scorer.scale.weight), numbers(scorer.scale.bias), of_list)
        crossed = [max(v + v * s, 0.0) for v, s in zip(row, scale, strict=True)]
        scores.append(products(numbers(scorer.output.weight), numbers(scorer.output.bias), crossed)[0])
    return scores


def batch_normed(norm, rows):
    """Less the mean, by the deviation: those of the rows in training, those of the layer otherwise."""
    columns = list(zip(*rows, strict=True))
    if norm.training:
        means = [math.fsum(column) / len(rows) for column in columns]
        pairs = zip(columns, means, strict=True)
        variances = [math.fsum((v - mean) ** 2 for v in column) / len(rows) for column, mean in pairs]
    else:
        means, variances = numbers(norm.running_mean), numbers(norm.running_var)
    parts = list(zip(means, variances, numbers(norm.weight), numbers(norm.bias), strict=True))
    return [[(v - m) / math.sqrt(s + 1e-3) * w + b for v, (m, s, w, b) in zip(row, parts, strict=True)] for row in rows]


def attended(block, rows):
    """norm(x + attention(x)) of the documents of one query."""
    width, found = len(rows[0]) if rows else 0, []
    looks = [
        [products(numbers(part.weight), numbers(part.bias), row) for row in rows]
        for part in (block.query, block.key, block.value)
    ]
    for place, row in enumerate(rows):
        heads = []
        for head in range(block.n_heads):
            query, *_ = looks[0][place : place + 1]
            own = slice(head * width, (head + 1) * width)
            fits = [
                math.exp(math.fsum(q * k for q, k in zip(query[own], key[own], strict=True)) / math.sqrt(width))
                for key in looks[1]
            ]
            shares = [fit / math.fsum(fits) for fit in fits]
            for column in range(head * width, (head + 1) * width):
                heads.append(math.fsum(share * value[column] for share, value in zip(shares, looks[2], strict=True)))
        summed = [
            v + a for v, a in zip(row, products(numbers(block.mix.weight), numbers(block.mix.bias), heads), strict=True)
        ]
        mean = math.fsum(summed) / width
        deviation = math.sqrt(math.fsum((v - mean) ** 2 for v in summed) / width + 1e-12)
        weights = zip(summed, numbers(block.norm.weight), numbers(block.norm.bias), strict=True)
        found.append([(v - mean) / deviation * w + b for v, w, b in weights])
    return found
