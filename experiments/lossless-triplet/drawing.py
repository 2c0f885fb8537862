"""The pictures of run.py: embeddings by epoch side by side as a GIF, and the shares of triplets that are done."""

import io

import numpy as np

N_FRAMES = 22
N_POINTS = 40  # of a class
STYLES = [(1.4, "-"), (1.4, "--"), (4.0, "-"), (2.6, "--"), (1.4, ":"), (1.4, "-")]
LIMITS = {"unit": (-1, 1), "sigmoid": (0, 1)}


def draw_space(path, clouds, train, outputs):
    """One panel an objective, one frame an epoch (early epochs more often), points coloured by class."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from PIL import Image

    rows = np.concatenate([np.flatnonzero(train.labels == label)[:N_POINTS] for label in range(train.n_classes)])
    n_epochs = len(next(iter(clouds.values())))
    epochs = np.unique(np.round(np.linspace(0, 1, N_FRAMES) ** 1.7 * (n_epochs - 1)).astype(int))
    colours = pyplot.get_cmap("tab10")(train.labels[rows])
    figure = pyplot.figure(figsize=(7.2, 5.0), dpi=80)
    panels = {name: figure.add_subplot(2, 3, place + 1, projection="3d") for place, name in enumerate(clouds)}
    handles = [
        pyplot.Line2D([], [], marker="o", linestyle="", color=pyplot.get_cmap("tab10")(label), label=name)
        for label, name in enumerate(train.class_names)
    ]
    frames = []
    for epoch in epochs:
        for name, panel in panels.items():
            panel.clear()
            panel.scatter(*clouds[name][epoch][rows].T, s=7, c=colours, depthshade=False)
            low, high = LIMITS.get(outputs[name]) or _range_of(clouds[name])
            panel.set(xlim=(low, high), ylim=(low, high), zlim=(low, high), xticklabels=[], yticklabels=[])
            panel.set_zticklabels([])
            panel.set_box_aspect((1, 1, 1), zoom=1.15)
            panel.set_title(name if outputs[name] in name else f"{name} ({outputs[name]})", fontsize=9, pad=0)
        figure.suptitle(f"epoch {epoch}", fontsize=10)
        figure.subplots_adjust(left=0.01, right=0.99, bottom=0.08, top=0.9, wspace=0.02, hspace=0.08)
        if not figure.legends:
            figure.legend(handles=handles, ncol=train.n_classes, loc="lower center", fontsize=8, frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        frames.append(Image.open(buffer).convert("RGB"))
    pyplot.close(figure)
    path.parent.mkdir(parents=True, exist_ok=True)
    # One palette, or the colours of the classes would drift from frame to frame.
    palette = frames[0].quantize(128, method=Image.Quantize.MAXCOVERAGE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    waits = [350] * (len(frames) - 1) + [3000]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=waits, loop=0, optimize=True)


def _range_of(epochs):
    """One range for the three axes that holds the points of all epochs."""
    values = np.concatenate(epochs)
    return float(values.min()), float(values.max())


def draw_shares(path, recorded):
    """Mean over seeds by epoch: share of triplets with zero loss, with zero gradient, and the median gradient.

    Args:
        path: Of the picture.
        recorded: Recorders of the seeds, by (number of classes, objective).
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    sizes, names = (list(dict.fromkeys(part)) for part in zip(*recorded, strict=True))
    figure, axes = pyplot.subplots(len(sizes), 3, figsize=(11, 3.1 * len(sizes)), dpi=80, squeeze=False)
    columns = {
        "no_loss": "share with zero loss",
        "no_slope": "share with zero gradient",
        "slope": "median gradient, last layer",
    }
    for (n_classes, name), runs in recorded.items():
        for axis, (field, title) in zip(axes[sizes.index(n_classes)], columns.items(), strict=True):
            mean = np.mean([getattr(run, field) for run in runs], axis=0)
            width, dashes = STYLES[names.index(name)]  # lines at 0 lie on each other
            axis.plot(range(len(mean)), mean, label=name, linewidth=width, linestyle=dashes)
            axis.set_title(f"{title}, {n_classes} classes", fontsize=9)
            axis.set_xlabel("epoch", fontsize=8)
            if field == "slope":
                axis.set_yscale("symlog", linthresh=1e-4)
            else:
                axis.set_ylim(-0.03, 1.03)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, ncol=len(labels), loc="lower center", fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
