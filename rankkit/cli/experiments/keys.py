"""What each key of an experiment file means, where no function says it that takes it; nothing here imports much.

Options of scorers, encoders, objectives and training are described by the docstring of what takes them
(:mod:`rankkit.options`). The names of those of training stand here too, for help and messages that may not import it; a
test compares them.
"""

TOP = {
    "data": "where the data lies: below",
    "out": "folder of the run",
    "scorer": "a name, or a table with a name and options: below",
    "encoder": "a name, or a table with a name and options: below",
    "recommender": "a name, or a table with a name and options: below",
    "objective": "a name, or a table with a name and options: below",
    "training": "how it is trained: below",
    "evaluation": "what is measured at the end: below",
    "augment": "inputs changed at random while training: below",
    "seed": "of the weights, the shuffling and the dropout",
    "plugins": "packages whose code it uses, which are imported: [extending](extending.md)",
    "target": "where it will serve (`onnx`, `solr`, ...): what the target needs is set, columns that it cannot express "
    "are left out, both said; a scorer that cannot be exported there is refused at once, with all that is in the way",
    "start": "folder of a saved scorer to begin with: trees are given more, a network goes on learning",
}
RANKING_DATA = {
    "train": "training data",
    "valid": "validation data: the best epoch on it is kept",
    "test": "test data, evaluated once at the end",
    "folds": "in place of these three: a folder of folds",
    "n_features": "columns of LETOR text whose last features occur in no row",
    "cache": "parse once, then open in an instant; or the folder of the cache",
    "regroup": "bring rows of LETOR text together whose qid comes back",
    "labels": "`grades` are whole numbers from 0 to 31, `any` is any number from 0 on",
    "on_bad_line": "what to do with a row of LETOR text that cannot be read",
    "label": "label column of a table",
    "qid": "query column of a table",
    "doc_id": "column of a table with the names of the documents",
    "weight": 'column of a table with the weights of documents; `""` for none',
    "query_weight": 'column of a table with the weights of queries; `""` for none',
    "features": "the features, as a list: columns of a table, numbers of LETOR text",
    "drop": "features to leave out",
    "columns": 'kinds of columns of a table by name: `brand = "category"`, or with options '
    '`brand = {kind = "category", min_count = 5}`; kinds are number, category, time, vector, text, bag',
    "position": "column of the place at which a document was shown; no feature",
    "propensity": "column of how likely that place is looked at; no feature",
    "time": "column of when a query was asked; no feature",
    "session": "column of sessions; no feature",
    "zero_based": "whether indices of LETOR text begin with 0; left out, as a comment above the rows says, or with 1",
    "cross_validation": "deal all queries out in so many parts, each once the test data",
    "by": "column of times: validation data that `valid_fraction` takes are the latest queries, and the audit fails "
    "splits that learn from later queries than they test on",
    "n_windows": "with `by`: so many splits that move forward in time, each trained on all that comes before",
    "window_share": "share of all queries in the test data of a window; as many before them are validation data",
    "valid_fraction": "share of the training queries that becomes validation data",
    "split_seed": "of such parts and shares",
}
COMPARED_DATA = ("cross_validation", "by", "n_windows", "window_share")
"""Those of them that comparisons alone have."""
EXAMPLES = {
    "train": "a folder or archive of images, `.npz`, Parquet, idx, or `digits` or `glyphs`",
    "valid": "validation examples: the best epoch on them is kept",
    "test": "test examples, best of classes that are not trained on",
    "held_out": "share of the classes that becomes the test data where there is none",
    "held_out_by": "`group` keeps whole groups of classes (alphabets) together",
    "valid_held_out": "share of the other classes that becomes the validation data",
    "split_seed": "of what is held out",
    "size": "pixels of a side, or `[height, width]`",
    "colour": "three channels in place of one",
    "ink": "`dark` for dark strokes on white",
    "label": "class column of a Parquet file",
}
LOG = {
    "log": "the folder that `rankkit interactions` or `rankkit split` wrote, or a file with columns user, item, time",
    "by": "what `rankkit split` calls so; left out, the split that lies in the log, else by time, else `leave_last`",
    "valid": "share of the events to choose on; left out, 0.1; by `leave_last` 0 for none",
    "test": "share of the events to report; left out, 0.2",
    "n": "events a user in a part, by `leave_last`; left out, 1",
    "order": "of the events of a user, by `ratio`; `random` learns from the future",
    "split_seed": "of a random order",
}
MEASURED = {
    "metrics": "what is measured",
    "protocol": "whose conventions",
    "empty": "what a query without a relevant document counts; left out, the protocol's",
    "ties": "order of tied scores; left out, the protocol's",
    "lists": "what the lists are like, shown beside: coverage, gini, novelty, popularity, popularity_bias, diversity, "
    "calibration, each with a k, as `coverage@10`",
    "features": "columns of the items, for diversity and calibration: `rankkit interactions --items` keeps them",
    "ways": "classes of a few-shot episode",
    "shots": "labelled examples of each class",
    "n_episodes": "how many episodes",
}
COMPARED = {
    **TOP,
    "scorers": "each with each objective: names, or tables with a name and options",
    "encoders": "in place of scorers: names, or tables with a name and options",
    "recommenders": "in place of scorers: names, or tables with a name and options",
    "objectives": "names, or tables with a name and options",
    "external": "systems beside them: below",
    "baseline": 'what the others are tested against, as `"mlp ranknet"`; left out, the first',
    "seeds": "how many runs of each system, or their seeds",
    "metric": "what chooses epochs and options, on validation data",
    "threads": "of each run",
    "training": "how each system is trained, as in training files",
    "grid": 'each value makes a system of its own: `"objective.ranknet.sigma" = [0.5, 1]`',
    "search": "the same number of option sets for each system: below",
    "significance": "how systems are tested against each other: below",
}
SEARCH = {
    "trials": "option sets of each system; the best on validation data is kept",
    "options": '`"training.learning_rate" = {low = 1e-4, high = 1e-2, log = true}`; also `whole = true`, or a list',
    "seed": "of the draws",
    "sampler": "at random, or Optuna's TPE (`pip install -e '.[search]'`)",
}
SIGNIFICANCE = {
    "test": "paired over queries",
    "correction": "for many comparisons",
    "alpha": "level of the tests, the letters and the intervals",
    "interval": "bootstrap over queries",
    "n_resamples": "of bootstrap and randomization",
    "epsilon": "queries that differ by no more are ties",
    "seed": "of the resamples",
}

TRAINING = (
    *("metric", "epochs", "batch_queries", "batch_docs", "length_window", "block_docs", "optimizer"),
    *("optimizer_options", "learning_rate", "trunk_rate", "weight_decay", "momentum", "schedule", "warmup"),
    *("clip_norm", "ema", "patience", "precision", "device", "checkpoint_every"),
)
ENCODER_TRAINING = ("batch_classes", "per_class", "mining", "views", "chunk_size", "memory")
"""What training an encoder has besides most of these."""

READING = (
    *("label", "qid", "doc_id", "weight", "query_weight", "features", "drop", "n_features", "zero_based"),
    *("regroup", "labels", "on_bad_line", "cache", "columns", "position", "propensity", "time", "session"),
)
"""The keys of data that say how it is read."""

OF_TRAIN = "\n\n".join(
    (
        f"Keys of --set: data.KEY with {', '.join(name for name in RANKING_DATA if name not in COMPARED_DATA)};",
        f"of a recommender: data.KEY with {', '.join(LOG)};",
        f"training.KEY with {', '.join(TRAINING)}; of an encoder also {', '.join(ENCODER_TRAINING)};",
        "scorer.KEY, encoder.KEY, recommender.KEY and objective.KEY with what each of these has.",
        "What each is, with type and default: rankkit options training, rankkit options scorer mlp, ...",
    )
)
"""What the help of ``rankkit train`` says of them."""
