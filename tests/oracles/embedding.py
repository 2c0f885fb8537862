"""Distances and embedding objectives in loops over Python floats; slow, and independent of the library.

Every objective gives one value a pair, triplet, anchor or prototype (None: uninformative), from lists of vectors.
"""

import itertools
import math

from tests.oracles.objectives import softplus


def minus(x, y):
    return [a - b for a, b in zip(x, y, strict=True)]


def squared(x, y):
    return math.fsum(d * d for d in minus(x, y))


def euclidean(x, y):
    return math.sqrt(squared(x, y))


def l1(x, y):
    return math.fsum(abs(d) for d in minus(x, y))


def dot(x, y):
    return math.fsum(a * b for a, b in zip(x, y, strict=True))


def cosine_similarity(x, y):
    lengths = math.sqrt(dot(x, x) * dot(y, y))
    return dot(x, y) / lengths if lengths else 0.0


def cosine(x, y):
    return 1 - cosine_similarity(x, y)


def cross_entropy(logits, target):
    top = max(logits.values())
    return top + math.log(math.fsum(math.exp(v - top) for v in logits.values())) - logits[target]


def contrastive(x, y, same, margin=1.0):
    found = []
    for a, b, s in zip(x, y, same, strict=True):
        d = euclidean(a, b)
        found.append(d * d / 2 if s else max(0.0, margin - d) ** 2 / 2)
    return found


def triplet(anchor, positive, negative, margin=0.2, distance=squared):
    rows = zip(anchor, positive, negative, strict=True)
    return [max(0.0, distance(a, p) - distance(a, n) + margin) for a, p, n in rows]


def soft_margin_triplet(anchor, positive, negative, margin=0.0):
    return [
        softplus(euclidean(a, p) - euclidean(a, n) + margin) for a, p, n in zip(anchor, positive, negative, strict=True)
    ]


def softmax_ratio_triplet(anchor, positive, negative):
    found = []
    for a, p, n in zip(anchor, positive, negative, strict=True):
        near, far = math.exp(euclidean(a, p)), math.exp(euclidean(a, n))
        found.append((near / (near + far)) ** 2 + (far / (near + far) - 1) ** 2)
    return found


def lossless_triplet(anchor, positive, negative, beta=None, epsilon=1e-8):
    found = []
    for a, p, n in zip(anchor, positive, negative, strict=True):
        size = len(a)
        scale = size if beta is None else beta
        found.append(
            -math.log(-squared(a, p) / scale + 1 + epsilon) - math.log(-(size - squared(a, n)) / scale + 1 + epsilon)
        )
    return found


def linear_triplet(anchor, positive, negative):
    rows = zip(anchor, positive, negative, strict=True)
    return [squared(a, p) - squared(a, n) + len(a) for a, p, n in rows]


def verification(x, y, same, alpha, bias):
    found = []
    for a, b, s in zip(x, y, same, strict=True):
        z = bias + math.fsum(w * abs(d) for w, d in zip(alpha, minus(a, b), strict=True))
        found.append(softplus(-z) if s else softplus(z))
    return found


def nt_xent(x, y, temperature=0.5):
    views = x + y
    n = len(x)
    return [
        cross_entropy(
            {k: -cosine(a, b) / temperature for k, b in enumerate(views) if k != i}, i + n if i < n else i - n
        )
        if n > 1
        else None
        for i, a in enumerate(views)
    ]


def simclr_rank(x, y, offsets, temperature=0.1):
    """One value a query: the mean over its views, each against the views of the same query alone."""
    found = []
    for start, stop in itertools.pairwise(offsets):
        n = stop - start
        views = [(doc, row) for rows in (x, y) for doc, row in enumerate(rows[start:stop])]
        terms = []
        for i, (doc, row) in enumerate(views):
            logits = {k: cosine_similarity(row, other) / temperature for k, (_, other) in enumerate(views) if k != i}
            partner = next(k for k, (known, _) in enumerate(views) if known == doc and k != i)
            terms.append(cross_entropy(logits, partner))
        found.append(math.fsum(terms) / (2 * n) if n > 1 else None)
    return found


def simsiam(p, q, z, w):
    """One value a document."""
    return [-cosine_similarity(a, d) / 2 - cosine_similarity(b, c) / 2 for a, b, c, d in zip(p, q, z, w, strict=True)]


def info_nce(query, positive, negatives=None, temperature=0.07):
    found = []
    for i, q in enumerate(query):
        keys = dict(enumerate(positive)) if negatives is None else {i: positive[i]}
        keys |= {("queue", k): key for k, key in enumerate(negatives or [])}
        logits = {k: cosine_similarity(q, key) / temperature for k, key in keys.items()}
        found.append(cross_entropy(logits, i) if len(logits) > 1 else None)
    return found


def multiple_negatives_ranking(query, positive, ids=None, known_positives=None, log_q=None, temperature=0.05):
    found = []
    for i, q in enumerate(query):
        logits = {}
        for j, key in enumerate(positive):
            if i != j and ids is not None and ids[i] == ids[j]:
                continue
            if i != j and known_positives is not None and known_positives[i][j]:
                continue
            logits[j] = cosine_similarity(q, key) / temperature - (log_q[j] if log_q else 0.0)
        found.append(cross_entropy(logits, i) if len(logits) > 1 else None)
    return found


def n_pair(anchor, positive, l2=0.002):
    found = []
    for i, a in enumerate(anchor):
        logits = {j: dot(a, p) for j, p in enumerate(positive)}
        lengths = dot(a, a) + dot(positive[i], positive[i])
        found.append(cross_entropy(logits, i) + l2 / 2 * lengths if len(logits) > 1 else None)
    return found


def split_others(i, rows, classes):
    """Cosines of anchor i to the others of its class, and to those of other classes."""
    others = [k for k in range(len(rows)) if k != i]
    cosines = {k: cosine_similarity(rows[i], rows[k]) for k in others}
    positives = [cosines[k] for k in others if classes[k] == classes[i]]
    return positives, [cosines[k] for k in others if classes[k] != classes[i]]


def supcon(rows, classes, temperature=0.1):
    found = []
    for i, a in enumerate(rows):
        logits = {k: cosine_similarity(a, b) / temperature for k, b in enumerate(rows) if k != i}
        positives = [k for k in logits if classes[k] == classes[i]]
        informative = 0 < len(positives) < len(logits)
        mean = [cross_entropy(logits, k) for k in positives]
        found.append(math.fsum(mean) / len(mean) if informative else None)
    return found


def multi_similarity(rows, classes, alpha=2.0, beta=50.0, threshold=0.5, mining=0.1, more=(), more_classes=()):
    found = []
    for i in range(len(rows)):
        positives, negatives = split_others(i, rows, classes)
        for row, of in zip(more, more_classes, strict=True):
            (positives if of == classes[i] else negatives).append(cosine_similarity(rows[i], row))
        if mining is not None:
            low, high = min(positives, default=math.inf), max(negatives, default=-math.inf)
            positives = [s for s in positives if s - mining < high]
            negatives = [s for s in negatives if s + mining > low]
        pull = math.log1p(math.fsum(math.exp(-alpha * (s - threshold)) for s in positives)) / alpha
        push = math.log1p(math.fsum(math.exp(beta * (s - threshold)) for s in negatives)) / beta
        found.append(pull + push if len(rows) + len(more) > 1 else None)
    return found


def embedding_circle(rows, classes, margin=0.4, gamma=80.0):
    found = []
    for i in range(len(rows)):
        positives, negatives = split_others(i, rows, classes)
        pull = math.fsum(math.exp(-gamma * max(0.0, 1 + margin - s) * (s - 1 + margin)) for s in positives)
        push = math.fsum(math.exp(gamma * max(0.0, s + margin) * (s - margin)) for s in negatives)
        found.append(math.log1p(push * pull) if positives and negatives else None)
    return found


def arcface(rows, classes, prototypes, margin=0.5, scale=64.0):
    found = []
    for x, c in zip(rows, classes, strict=True):
        logits = {k: scale * cosine_similarity(x, p) for k, p in enumerate(prototypes)}
        angle = math.acos(max(-1.0, min(1.0, logits[c] / scale)))
        moved = math.cos(angle + margin) if angle + margin <= math.pi else math.cos(angle) - margin * math.sin(margin)
        found.append(cross_entropy(logits | {c: scale * moved}, c))
    return found


def cosface(rows, classes, prototypes, margin=0.35, scale=64.0):
    found = []
    for x, c in zip(rows, classes, strict=True):
        logits = {k: scale * cosine_similarity(x, p) for k, p in enumerate(prototypes)}
        found.append(cross_entropy(logits | {c: logits[c] - scale * margin}, c))
    return found


def proxy_anchor(rows, classes, prototypes, margin=0.1, alpha=32.0):
    present = len(set(classes))
    found = []
    for k, p in enumerate(prototypes):
        own = [cosine_similarity(x, p) for x, c in zip(rows, classes, strict=True) if c == k]
        others = [cosine_similarity(x, p) for x, c in zip(rows, classes, strict=True) if c != k]
        pull = math.log1p(math.fsum(math.exp(-alpha * (s - margin)) for s in own))
        push = math.log1p(math.fsum(math.exp(alpha * (s + margin)) for s in others))
        found.append(pull * len(prototypes) / present + push)
    return found
