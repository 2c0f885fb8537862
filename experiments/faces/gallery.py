"""The best and the worst queries of experiments/faces/run.py: each face with its five nearest others, and why."""

import io

import numpy as np

from rankkit.models.encoders import embed
from rankkit.similarity import evaluate_retrieval, nearest_neighbours

N_BEST, N_WORST, N_NEAREST = 2, 5, 5
RIGHT, WRONG, QUIET = "#1b7837", "#b2182b", "#6b6b6b"


def draw_queries(system, encoders, parts, path):
    """Draw the queries and print what sets the worst apart from the others.

    Args:
        system: What trained the encoders.
        encoders: One a split.
        parts: The test faces of each split; a query is looked for among the others of its split.
        path: Of the picture.
    """
    found = [query for pair in zip(encoders, parts, strict=True) for query in queries_of(*pair)]
    found.sort(key=lambda query: (query["map_at_r"], query["gap"]))
    explain(system, found)
    best, worst = one_a_person(found[::-1])[:N_BEST], one_a_person(found)[:N_WORST]
    draw(system, best, worst, path)


def queries_of(encoder, faces):
    """What each test face of a split finds; ``gap``: how much nearer the nearest other person is than the own faces."""
    embeddings, pixels = embed(encoder, faces.inputs), faces.inputs.reshape(len(faces), -1)
    by = encoder.distance
    near = nearest_neighbours(embeddings, embeddings, k=len(faces) - 1, distance=by, exclude_self=True)
    own = evaluate_retrieval(embeddings, faces.labels, ["map_at_r"], distance=by).per_query["map_at_r"]
    raw = evaluate_retrieval(pixels, faces.labels, ["map_at_r"], distance="euclidean").per_query["map_at_r"]
    for query, face in enumerate(faces.inputs):
        others = near.indices[query]
        right = faces.labels[others] == faces.labels[query]
        alike = np.flatnonzero(faces.labels == faces.labels[query])
        mean = faces.inputs[alike[alike != query]].mean(axis=0)
        yield {
            "name": str(faces.ids[query]).removesuffix(".pgm"),
            "person": faces.class_names[faces.labels[query]],
            "face": face[0],
            "nearest": faces.inputs[others[:N_NEAREST], 0],
            "names": [str(name).removesuffix(".pgm") for name in faces.ids[others[:N_NEAREST]]],
            "values": near.values[query][:N_NEAREST],
            "right": right,
            "map_at_r": own[query],
            "raw_map_at_r": raw[query],
            "gap": near.values[query][~right].min() - near.values[query][right].max(),
            "unlike own faces": float(np.sqrt(((face - mean) ** 2).mean())),
            "unlike its mirror image": float(np.sqrt(((face - face[..., ::-1]) ** 2).mean())),
        }


def one_a_person(queries):
    """The first query of each person."""
    first = {}
    for query in queries:
        first.setdefault(query["person"], query)
    return list(first.values())


def explain(system, queries):
    """Print the worst fifth of the queries beside the others: pixels, unlikeness, turn of the head."""
    n_worst = len(queries) // 5
    groups = {f"worst {n_worst}": queries[:n_worst], f"other {len(queries) - n_worst}": queries[n_worst:]}
    columns = ["map_at_r", "raw_map_at_r", "unlike own faces", "unlike its mirror image"]
    print(f"| queries of {system} | MAP@R | MAP@R of raw pixels | unlike own faces | unlike its mirror image |")
    print("| --- | --- | --- | --- | --- |")
    for name, group in groups.items():
        cells = [f"{np.mean([query[column] for query in group]):.3f}" for column in columns]
        print(f"| {name} | {' | '.join(cells)} |")
    ranks = [np.argsort(np.argsort([query[column] for query in queries])) for column in columns]
    cells = ", ".join(
        f"{np.corrcoef(ranks[0], other)[0, 1]:+.2f} {column}"
        for column, other in zip(columns[1:], ranks[1:], strict=True)
    )
    print(f"\nRank correlation with MAP@R over {len(queries)} queries: {cells}")
    wrong = [query for query in queries if not query["right"][0]]
    persons = [f"{query['name']} takes {query['names'][0]}" for query in wrong]
    print(f"Queries whose nearest face is another person's: {len(wrong)}; {', '.join(persons[:10])}\n")
    low = {}
    for query in queries:
        low.setdefault(query["person"], []).append(query["map_at_r"])
    means = sorted((float(np.mean(values)), person) for person, values in low.items())
    print("MAP@R by person:", ", ".join(f"{person} {mean:.2f}" for mean, person in means), flush=True)


def draw(system, best, worst, path):
    """One row a query: the face, its nearest others, right ones framed green, wrong ones red."""
    from matplotlib.figure import Figure
    from PIL import Image

    rows = [*(("best", query) for query in best), *(("worst", query) for query in worst)]
    figure = Figure(figsize=(7.6, 1.32 * len(rows) + 0.5), layout="constrained")
    panels = figure.subplots(len(rows), N_NEAREST + 2, squeeze=False, width_ratios=[1.2, *[1] * (N_NEAREST + 1)])
    for (kind, query), (text, own, *others) in zip(rows, panels, strict=True):
        text.axis("off")
        first = int(np.flatnonzero(query["right"])[0]) + 1
        words = f"{kind}: {query['name']}\nMAP@R {query['map_at_r']:.2f}\nraw pixels {query['raw_map_at_r']:.2f}"
        text.text(0, 0.5, f"{words}\nfirst right: {first}", va="center", fontsize=8, transform=text.transAxes)
        show(own, query["face"], "query", QUIET)
        for place, axes in enumerate(others):
            caption = f"{query['names'][place]}  {query['values'][place]:#.2g}"
            show(axes, query["nearest"][place], caption, RIGHT if query["right"][place] else WRONG)
    figure.suptitle(f"{system}: the five nearest of {len(best[0]['right'])} faces, with distance", fontsize=10)
    content = io.BytesIO()
    figure.savefig(content, dpi=80)
    Image.open(content).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)


def show(axes, face, caption, color):
    axes.imshow(face, cmap="gray", vmin=0, vmax=1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlabel(caption, fontsize=7, color=color, labelpad=2)
    for spine in axes.spines.values():
        spine.set(color=color, linewidth=2.5)
