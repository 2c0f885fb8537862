"""Tables and picture of the lines that experiments/few-shot/run.py wrote."""

import json
import math
import statistics

NAMES = {
    "contrastive": "contrastive",
    "triplet": "triplet",
    "info_nce": "InfoNCE",
    "supcon": "SupCon",
    "verification": "verification (Koch)",
    "lossless_triplet": "lossless triplet",
}
DISTANCES = {"l1": "L1", "euclidean": "L2", "weighted_l1": "weighted L1", "cosine": "cosine"}
OWN = {"verification": "weighted_l1", "lossless_triplet": "euclidean"}  # the column that holds what they define
OTHER = {"verification": "has its own weights and bias", "lossless_triplet": "squared L2 by definition"}
REFERENCE = ("supcon", "cosine")
TITLES = {"glyphs": "Glyphs, Greek held back", "omniglot": "Omniglot small1, whole alphabets held back"}
SETTINGS = ("framed", "turns", "affine")
COLOURS = {"l1": "#0072B2", "euclidean": "#E69F00", "weighted_l1": "#009E73", "cosine": "#CC79A7"}


def read_lines(out):
    """All runs there are."""
    return [json.loads(line) for path in sorted(out.glob("*.jsonl")) for line in path.read_text().splitlines()]


def interval(values):
    """Mean and half of its 95% interval by Student's t over runs; NaN for a single run."""
    from scipy.stats import t

    n = len(values)
    if n < 2:
        return statistics.fmean(values), math.nan
    return statistics.fmean(values), float(t.ppf(0.975, n - 1)) * statistics.stdev(values) / math.sqrt(n)


def show(out, folder):
    """Print the tables of every data set that has runs, and draw the picture into the folder."""
    lines = read_lines(out)
    pixels = {line["held back"]: line["20-way"] for line in lines if line["data"] == "pixels"}
    shown = [data for data in TITLES if any(line["data"] == data for line in lines)]
    for data in shown:
        rows = by_cell([line for line in lines if line["data"] == data])
        for metric in ("20-way", "5-way"):
            print(f"\n### {TITLES[data]}: {metric} one-shot\n")
            matrix(rows, lambda cell, rows=rows, metric=metric: text(accuracies(rows, cell, metric)))
            pixel_rows(rows, metric, pixels if metric == "20-way" else {})
        print(f"\n### {TITLES[data]}: 20-way, difference from SupCon with cosines in the same episodes\n")
        matrix(rows, lambda cell, rows=rows: difference(rows, cell))
    if "omniglot" in shown:
        rows = by_cell([line for line in lines if line["data"] == "omniglot"], rotation=False)
        print("\n### Omniglot small1: 20-way one-shot by alphabet held back\n")
        alphabets(rows, pixels)
    goals(lines)
    choice([line for line in lines if line["data"] == "choice"])
    if shown:
        picture({data: by_cell([line for line in lines if line["data"] == data]) for data in shown}, pixels, folder)


def by_cell(lines, rotation=True):
    """Runs by (objective, distance); of a rotation one run a seed, and only those seeds that every cell has."""
    cells = {}
    alphabets = sorted({line["held back"] for line in lines})
    for line in lines:
        if not rotation or line["held back"] == alphabets[line["seed"] % len(alphabets)]:
            cells.setdefault((line["objective"], line["distance"]), []).append(line)
    if not rotation:
        return cells
    seeds = set.intersection(*({line["seed"] for line in runs} for runs in cells.values()))
    return {cell: [line for line in runs if line["seed"] in seeds] for cell, runs in cells.items() if seeds}


def matrix(cells, text_of):
    """Objectives by distances, with the text of each cell that there are runs of."""
    print(f"| objective | {' | '.join(DISTANCES.values())} |\n|{' --- |' * (1 + len(DISTANCES))}")
    for objective, name in NAMES.items():
        row = []
        for distance in DISTANCES:
            if distance == OWN.get(objective, distance):
                cell = next(
                    (cell for cell in cells if objective in OWN and cell[0] == objective), (objective, distance)
                )
                row.append(text_of(cell) if cell in cells else "not run yet")
            else:
                row.append(OTHER[objective])
        print(f"| {name} | {' | '.join(row)} |")


def pixel_rows(cells, metric, pixels):
    """What needs no training, below the objectives."""
    for name, values in {"raw pixels": raw(cells, metric), "framed pixels": framed(cells, pixels)}.items():
        if values:
            print(f"| {name}, L2 | {' | '.join([text(values)] * len(DISTANCES))} |")


def raw(cells, metric):
    """What raw pixels reach in the episodes of each alphabet and seed."""
    found = {(line["held back"], line["seed"]): line[f"{metric} raw"] for runs in cells.values() for line in runs}
    return list(found.values())


def framed(cells, pixels):
    """What framed pixels reach on the alphabets that the cells hold back."""
    names = sorted({line["held back"] for runs in cells.values() for line in runs})
    return [pixels[name] for name in names if name in pixels]


def accuracies(cells, cell, metric):
    """One a run."""
    return [line[metric] for line in cells[cell]]


def difference(cells, cell):
    """Mean and interval of what the runs of a cell have above those of the reference."""
    if cell == REFERENCE:
        return "0, by definition"
    known = {(line["held back"], line["seed"]): line["20-way"] for line in cells.get(REFERENCE, [])}
    runs = [(line["20-way"], (line["held back"], line["seed"])) for line in cells[cell]]
    paired = [accuracy - known[run] for accuracy, run in runs if run in known]
    return text(paired, sign="+") if paired else "not run yet"


def text(values, sign=""):
    """As in ``.950 ± .010 (5)``."""
    mean, half = interval(values)
    spread = "" if math.isnan(half) else f" ± {short(half)}"
    return f"{short(mean, sign)}{spread} ({len(values)})"


def short(value, sign=""):
    """Three digits without the leading zero."""
    return f"{value:{sign}.3f}".replace("0.", ".", 1)


def alphabets(cells, pixels):
    """A line a cell, a column an alphabet: mean over its seeds; above it what raw pixels reach."""
    names = sorted({line["held back"] for runs in cells.values() for line in runs})
    print(f"| objective, distance | {' | '.join(names)} |\n|{' --- |' * (1 + len(names))}")
    every = [line for runs in cells.values() for line in runs]
    plain = [{line["seed"]: line["20-way raw"] for line in every if line["held back"] == name} for name in names]
    print(f"| raw pixels, L2 | {' | '.join(short(statistics.fmean(values.values())) for values in plain)} |")
    if pixels:
        row = [short(pixels[name]) if name in pixels else "not run yet" for name in names]
        print(f"| framed pixels, L2 | {' | '.join(row)} |")
    for (objective, distance), runs in cells.items():
        found = [[line["20-way"] for line in runs if line["held back"] == name] for name in names]
        row = [f"{short(statistics.fmean(values))} ({len(values)})" if values else "not run yet" for values in found]
        print(f"| {NAMES[objective]}, {DISTANCES.get(distance, 'its own')} | {' | '.join(row)} |")


def goals(lines):
    """What was asked of SupCon with cosines, and what came out."""
    known = [line for line in lines if (line.get("objective"), line.get("distance")) == REFERENCE]
    glyphs = [line for line in known if line["data"] == "glyphs"]
    print()
    if glyphs:
        accuracy, seconds = (statistics.fmean(line[name] for line in glyphs) for name in ("5-way", "training s"))
        met = "yes" if accuracy >= 0.94 and seconds < 180 else "NO"
        print(
            f"Glyphs, SupCon, at least .94 of 5 in 180 s of processor time: {short(accuracy)}, {seconds:.0f} s: {met}"
        )
    for name in sorted({line["held back"] for line in known if line["data"] == "omniglot"}):
        gains = [line["20-way"] - line["20-way raw"] for line in known if line["held back"] == name]
        met = "yes" if statistics.fmean(gains) >= 0.3 else "NO"
        print(f"Omniglot, {name}, SupCon at least .30 above raw pixels of 20: {text(gains)}: {met}")


def choice(lines):
    """What frame, turns and augmentation are worth on each validation alphabet."""
    if not lines:
        return
    names = sorted({line["validation"] for line in lines})
    print("\n### Omniglot small1: SupCon, cosine, on the validation alphabets, 20-way one-shot\n")
    head = ["framed", "quarter turns as classes", "RandomAffine", *names, "mean"]
    print(f"| {' | '.join(head)} |\n|{' --- |' * len(head)}")
    for setting in sorted({tuple(line[name] for name in SETTINGS) for line in lines}):
        chosen = [line for line in lines if tuple(line[name] for name in SETTINGS) == setting]
        found = {line["validation"]: line["20-way"] for line in chosen}
        row = ["yes" if used else "no" for used in setting]
        row += [short(found[name]) if name in found else "not run yet" for name in names]
        row.append(short(statistics.fmean(found.values())) if len(found) == len(names) else "not run yet")
        print(f"| {' | '.join(row)} |")


def picture(cells_of, pixels, folder):
    """20-way accuracy with intervals by objective and distance, pixels as lines: one-shot.png."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(cells_of), figsize=(5.2 * len(cells_of), 4.4), squeeze=False, sharey=True)
    places = list(NAMES)
    for axis, (data, cells) in zip(axes[0], cells_of.items(), strict=True):
        for (objective, distance), runs in cells.items():
            column = OWN.get(objective, distance)
            mean, half = interval([line["20-way"] for line in runs])
            offset = 0.0 if objective in OWN else 0.17 * (list(DISTANCES).index(column) - 1.5)
            half = 0.0 if math.isnan(half) else half
            options = {"color": COLOURS[column], "marker": "D" if objective in OWN else "o", "capsize": 2}
            axis.errorbar(mean, places.index(objective) + offset, xerr=half, linestyle="none", markersize=5, **options)
        mean, half = interval(raw(cells, "20-way"))
        axis.axvline(mean, color="0.35", linestyle="--", linewidth=1.2)
        if not math.isnan(half):
            axis.axvspan(mean - half, mean + half, color="0.5", alpha=0.18, linewidth=0)
        if framed(cells, pixels):
            axis.axvline(statistics.fmean(framed(cells, pixels)), color="0.35", linestyle=":", linewidth=1.2)
        axis.set(title=TITLES[data], xlabel="20-way one-shot accuracy on unseen characters")
        lowest = min(interval([line["20-way"] for line in runs])[0] for runs in cells.values())
        axis.set_xlim(max(0.0, math.floor(10 * min(lowest, mean)) / 10 - 0.05), 1.0)
        axis.set_yticks(range(len(places)), list(NAMES.values()))
        axis.grid(axis="x", alpha=0.3)
    axes[0][0].invert_yaxis()
    marks = [plt.Line2D([], [], color=COLOURS[key], marker="o", linestyle="none") for key in DISTANCES]
    marks += [plt.Line2D([], [], color="0.35", linestyle=style) for style in ("--", ":")]
    marks += [plt.Line2D([], [], color="0.5", marker="D", linestyle="none")]
    names = [*DISTANCES.values(), "raw pixels", "framed pixels", "its own distance"]
    figure.legend(marks, names, loc="lower center", ncol=len(names), frameon=False, fontsize=9)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(folder / "one-shot.png", dpi=110)
    plt.close(figure)
