"""Ranker: a scikit-learn estimator around fit(), predict() and evaluate()."""
# ruff: noqa: N803 -- X is the name that scikit-learn gives to features

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from rankkit import bundle, evaluation, training
from rankkit.bundle import model_json
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.estimator.options import address_of, options_by_part
from rankkit.estimator.tables import (
    check_not_all_zero,
    labels_of,
    matched_features,
    names_of,
    no_table,
    passed_through,
    queries_of_rows,
    seed_of,
    validation_of,
    warn_without_queries,
)
from rankkit.explaining.importance import draw_queries, permutation_importance
from rankkit.files.atomic import temporary_folder, write_bytes
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import Wanted
from rankkit.loaders.tables.given_arrays import dataset_of
from rankkit.loaders.tables.tabular import features_of, is_table
from rankkit.models.scorers.listwise import is_listwise
from rankkit.registry import load_plugin, loaded_plugins
from rankkit.remarks import say, say_of_columns
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.ranking.build import build_scorer

# feature_importances_ scores a sample of this size once for each feature.
_IMPORTANCE_DOCS = 10_000
_BLOCK_DOCS = 4096
_BUNDLE = (model_json.MODEL_FILE, bundle.weights_file("scorer"))


class Ranker(BaseEstimator):  # type: ignore[misc]
    """Any objective and any scorer of rankkit as a scikit-learn estimator.

    Options of the objective, the scorer and :func:`rankkit.fit` are parameters like any other, for ``set_params``,
    ``clone`` and ``GridSearchCV``: ``objective__sigma``, ``scorer__hidden``, ``training__epochs``. The last part alone
    (``epochs=20``) is taken too where it is clear whose it is. Setting another ``scorer`` or ``objective`` drops the
    options of the one before. Unknown names are refused by ``fit``.

    *Queries:* rows of one query share a ``qid``, anywhere in the data; ``group`` (rows of each query, in order) and a
    column "qid" of a table (pandas, polars, Arrow; also as a ``ColumnTransformer`` renames it, "remainder__qid") say
    the same, and ``fit`` refuses rows without any of these; ``group=[len(X)]`` makes all rows one query. Of an array
    from a pipeline, the one column that can only be query ids is taken for that, with a warning. Predictions come back
    in the order of the rows. With metadata routing, ``qid`` and ``sample_weight`` are requested by ``fit``, ``predict``
    and ``score`` unless told otherwise. Without it scikit-learn hands no ``qid`` to ``score``: put it into the frame.
    Split by query: ``cv=GroupKFold()`` and ``groups=qid``.

    *Columns of a table* become features by the rule of :mod:`rankkit.loaders.tables.columns.assignment`: numbers,
    categories, dates, lists, text of few values, or what ``columns`` says. What is left out is told. In ``predict`` and
    ``score`` the ranker's are found by name, others are told and left out; values never seen count as unseen.

    *scikit-learn's checks:* where queries are told, ``check_estimator`` passes but for
    ``check_sample_weight_equivalence_on_dense_data`` and ``_on_sparse_data``: a document that is there twice takes two
    ranks, which is not the same as one of twice the weight. With a transform over queries (``query_standardize``) a
    score depends on the other rows, so ``check_methods_subset_invariance`` fails too. Columns of a table in another
    order are no error, as scikit-learn has it of its own estimators: they are matched by name.

    Args:
        objective: Name of the objective, as ``rankkit objectives`` lists them.
        scorer: Name of the scorer: "mlp", "linear" or one that is registered; or a class of your own.
        columns: Kinds of columns of a table by name, as of :func:`rankkit.from_pandas`.
        metric: What ``score`` computes, and what chooses the best epoch if ``fit`` has an ``eval_set``.
        random_state: Seed of weights, shuffling and dropout: a whole number, a numpy ``RandomState``, or None, which
            draws another seed each time.
        verbose: Show a progress bar where stderr is a terminal.
        **options: As above.

    Attributes:
        scorer_: The trained scorer, a torch module.
        history_: The course of training, :class:`rankkit.History`.
        n_features_in_: Number of features, query ids not among them; of a table its columns, whatever their kind.
        feature_names_in_: Their names, if X was a table whose columns are named by text.
        feature_importances_: float64 ``[feature]``: how much ``metric`` falls when the feature is shuffled
            (:func:`rankkit.permutation_importance`). Computed when first asked for, on the evaluation set or else the
            training data, one shuffle of whole queries of at most 10,000 documents in all. The documents are not
            pickled: ask before, or use the function.

    Example:
        >>> import rankkit as rk
        >>> data = rk.make_ranking(30, n_features=5, seed=0)
        >>> X, y, qid = data.features, data.labels, np.repeat(data.qids, data.list_sizes)
        >>> ranker = Ranker("ranknet", "linear", objective__sigma=2.0, epochs=3).fit(X, y, qid=qid)
        >>> ranker.predict(X, qid=qid).shape == y.shape, 0 < ranker.score(X, y, qid=qid) < 1
        (True, True)
        >>> ranker.set_params(training__epochs=4)
        Ranker(objective='ranknet', objective__sigma=2.0, scorer='linear', training__epochs=4)
    """

    # Defaults of scikit-learn's metadata routing: a ranker cannot do without the queries.
    __metadata_request__fit = {"qid": True, "sample_weight": True}  # noqa: RUF012
    __metadata_request__predict = {"qid": True}  # noqa: RUF012
    __metadata_request__score = {"qid": True, "sample_weight": True}  # noqa: RUF012

    def __init__(
        self,
        objective: str = "lambdarank",
        scorer: str | type = "mlp",
        *,
        columns: Mapping[str, Any] | None = None,
        metric: str = "ndcg@10",
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
        **options: Any,
    ) -> None:
        self.objective = objective
        self.scorer = scorer
        self.columns = columns
        self.metric = metric
        self.random_state = random_state
        self.verbose = verbose
        self._options = {address_of(name): value for name, value in options.items()}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters by name, options by their full address.

        Args:
            deep: Makes no difference: nothing in a Ranker is an estimator.
        """
        own = {name: getattr(self, name) for name in self._get_param_names()}
        return {**own, **self._options}

    def set_params(self, **params: Any) -> Self:
        """Set parameters by name; see the class for options.

        Args:
            **params: Names and values.
        """
        own = set(self._get_param_names())
        for part in ("objective", "scorer"):
            before, after = getattr(self, part), params.get(part)
            if isinstance(before, str | type) and isinstance(after, str | type) and before != after:
                self._options = {name: kept for name, kept in self._options.items() if not name.startswith(f"{part}__")}
        for name, value in params.items():
            if name in own:
                setattr(self, name, value)
            else:
                self._options[address_of(name)] = value
        return self

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        qid: ArrayLike | None = None,
        group: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        eval_set: Any = None,
        eval_qid: Any = None,
        eval_group: Any = None,
    ) -> Self:
        """Train a scorer.

        Args:
            X: Features ``[row, feature]``, an array, a data frame or an Arrow table; NaN is a missing value.
            y: Graded relevance ``[row]``, 0 or more.
            qid: The query of each row: integers or strings; or None.
            group: In place of it, how many rows each query has, in order.
            sample_weight: Importance, one a row or one a query (in the order in which queries first appear); or None.
            eval_set: ``(X, y)`` or ``[(X, y)]``: the best epoch on it is kept; nothing is fitted on it. Without, the
                last epoch is.
            eval_qid: As ``qid``, of the evaluation set.
            eval_group: As ``group``, of the evaluation set.

        Raises:
            ConfigError: If an option is unknown or has a value that cannot work.
            DataError: If the data does not fit together; a ``ValueError``, as is ``ConfigError``.
        """
        options = options_by_part(self._options, objective=self.objective, scorer=self.scorer)
        if not isinstance(self.metric, str):
            raise ConfigError(f"Ranker: expected metric as one name; got {self.metric!r}. Pass for example 'ndcg@10'.")
        seed = seed_of(self.random_state)
        train, _ = self._read("fit", X, y, qid, group, sample_weight, reset=True)
        check_not_all_zero("fit", train.weights)
        held_out = validation_of(eval_set, eval_qid, eval_group)
        self._n_queries = train.n_queries
        valid = None
        if held_out is not None:
            valid, ids = self._read("fit", *held_out, None)
            warn_without_queries("fit", self._n_queries, ids, valid.n_docs, argument="eval_qid")
        scorer = build_scorer(self.scorer, options["scorer"], self.objective, train, seed=seed)
        self.history_ = training.fit(
            scorer,
            build_objective(self.objective, options["objective"]),
            train,
            valid,
            metric=self.metric,
            seed=seed,
            progress=bool(self.verbose),
            **options["training"],
        )
        self.scorer_ = scorer
        self._about: dict[str, Any] = {
            "objective": {"name": self.objective, "options": options["objective"]},
            "metrics": [self.metric],
            "data_fingerprint": train.fingerprint,
        }
        self._sample: RankingDataset | None = draw_queries(train if valid is None else valid, _IMPORTANCE_DOCS, seed=0)
        self._importances: NDArray[np.float64] | None = None
        return self

    def predict(self, X: Any, *, qid: ArrayLike | None = None) -> NDArray[np.float32]:
        """The scores of the rows, in their order; the higher the better within a query.

        Args:
            X: Features ``[row, feature]``.
            qid: The query of each row. It matters only where the scorer looks at the other documents of the query.
        """
        check_is_fitted(self)
        data, ids = self._read("predict", X, None, qid, None, None)
        if is_listwise(self.scorer_):
            warn_without_queries("predict", self._n_queries, ids, data.n_docs)
        return evaluation.predict(self.scorer_, data)

    def score(
        self, X: Any, y: ArrayLike, *, qid: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """The mean of ``metric`` over queries under rankkit's protocol, as :func:`rankkit.evaluate` has it.

        Args:
            X: Features ``[row, feature]``.
            y: Graded relevance ``[row]``.
            qid: The query of each row; None: all rows are one query.
            sample_weight: One a row or one a query. A query counts by the mean weight of its rows.
        """
        check_is_fitted(self)
        data, ids = self._read("score", X, y, qid, None, sample_weight)
        warn_without_queries("score", self._n_queries, ids, data.n_docs)
        check_not_all_zero("score", data.weights)
        report = evaluation.evaluate(self.scorer_, data, [self.metric])
        if data.weights is None:
            return report.means[self.metric]
        weights = data.weights.astype(np.float64)
        if data.weights_per == "doc":
            weights = np.add.reduceat(weights, data.offsets[:-1]) / data.list_sizes
        return float(np.average(report.counted(self.metric), weights=weights))

    def save(self, folder: str | Path) -> None:
        """Save the scorer as :func:`rankkit.save` does, for :func:`rankkit.load` and the commands of ``rankkit``.

        Args:
            folder: Made if it is not there. A saved scorer that is there is replaced.
        """
        check_is_fitted(self)
        bundle.save(self.scorer_, folder, **self._about)

    @property
    def feature_importances_(self) -> NDArray[np.float64]:
        """How much ``metric`` falls when a feature is shuffled: float64 ``[feature]``; see the class."""
        check_is_fitted(self)
        if self._importances is None:
            if self._sample is None:
                raise AttributeError(
                    "Ranker.feature_importances_: expected them to be asked for before pickling, which leaves the "
                    "documents behind. Use rankkit.permutation_importance(ranker.scorer_, data)."
                )
            found = permutation_importance(self.scorer_, self._sample, metric=self.metric, n_repeats=1)
            self._importances = found.drops
        return self._importances

    def __dir__(self) -> list[str]:
        # scikit-learn's own asks for each attribute that is listed: completing a name must not start minutes of work.
        has_importances = self.__dict__.get("_importances") is not None
        return [name for name in object.__dir__(self) if name != "feature_importances_" or has_importances]

    def __getstate__(self) -> dict[str, Any]:
        # The bundle's files in place of the torch module, so that unpickling reads what rankkit.load reads.
        state = dict(super().__getstate__())
        if "scorer_" in state:
            del state["scorer_"]
            with temporary_folder() as folder:
                self.save(folder)
                state["_bundle"] = {name: (folder / name).read_bytes() for name in _BUNDLE}
            state["_sample"] = None
        if loaded_plugins():
            state["_plugins"] = loaded_plugins()  # for processes that fit or predict with what they have registered
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        files = state.pop("_bundle", None)
        for package in state.pop("_plugins", ()):
            load_plugin(package)
        super().__setstate__(state)
        if files is not None:
            with temporary_folder() as folder:
                for name in _BUNDLE:
                    write_bytes(folder / name, files[name])
                self.scorer_ = bundle.load(folder)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.positive_only = True
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    _schema: Schema | None = None  # of a table, where some columns are no numbers

    def _read(
        self, where: str, X: Any, y: Any, qid: Any, group: Any, sample_weight: Any, *, reset: bool = False
    ) -> tuple[RankingDataset, Any]:
        """The rows as a data set, and their query ids, if any; ``reset`` makes the features the ranker's."""
        rows, qid = queries_of_rows(where, X, qid, group)
        read = self._from_table if is_table(rows) else self._from_array
        features, labels, qid = read(where, rows, y, qid, reset)
        if qid is None:
            if reset:
                raise DataError(
                    f"Ranker.fit: expected the query of each row; got none for {len(features):,} rows. Pass qid=, "
                    "group=, or X as a frame with a column 'qid'; rows of one query are group=[len(X)]."
                )
            # Where the query plays no part, rows are taken in blocks: a query is scored as a whole, whatever its size.
            in_blocks = where == "predict" and not is_listwise(self.scorer_)
            ids = np.arange(len(features)) // (_BLOCK_DOCS if in_blocks else max(1, len(features)))
        elif np.shape(qid) != (len(features),):
            raise DataError(
                f"Ranker.{where}: expected one qid a row, {len(features):,} in all; got shape {np.shape(qid)}. "
                "Pass group where you have the rows of each query."
            )
        else:
            ids = qid
        schema = self._schema
        names = getattr(self, "feature_names_in_", None) if schema is None else schema.names
        suspects: Any = "none" if not reset or schema is not None else "all" if is_table(rows) else "copies"
        source = Source(f"Ranker.{where}")
        data = dataset_of(source, features, labels, ids, weights=sample_weight, feature_names=names, suspects=suspects)
        return data if schema is None else replace(data, schema=schema), qid

    def _from_array(self, where: str, rows: Any, y: Any, qid: Any, reset: bool) -> tuple[Any, Any, Any]:
        """Features, labels and query ids of an array, as scikit-learn checks them."""
        options: dict[str, Any] = {"reset": reset, "ensure_all_finite": "allow-nan"}
        if not reset and self._schema is not None:
            raise no_table(where, self._schema, rows)
        if hasattr(rows, "toarray"):  # of scipy
            rows = rows.toarray()
        plain = np.asarray(rows) if isinstance(rows, list | tuple | np.ndarray) else None
        if plain is not None and plain.ndim == 2 and plain.dtype.kind in "iuf":
            if reset:
                self._qid_place = passed_through(plain) if qid is None else None
            is_in = self._qid_place is not None and (reset or plain.shape[1] == self.n_features_in_ + 1)
            if is_in and self._qid_place is not None:
                place = self._qid_place
                if reset:
                    say(
                        f"Ranker.fit: column {place} of X (from 0) holds whole numbers, the rows of each together: "
                        "query ids, and no feature. Pass qid= or group= to say otherwise"
                    )
                found, rows = plain[:, place].astype(np.int64), np.delete(plain, place, axis=1)
                qid = found if qid is None else qid
        elif reset:
            self._qid_place = None
        self._schema = None
        if where == "predict":
            return validate_data(self, rows, **options), None, qid
        features, labels = validate_data(self, rows, y, y_numeric=True, **options)
        return features, labels, qid

    def _from_table(self, where: str, rows: Any, y: Any, qid: Any, reset: bool) -> tuple[Any, Any, Any]:
        """Features, labels and query ids of a table, whose columns are chosen by the rule of the loaders."""
        source = Source(f"Ranker.{where}")
        if not reset and self._schema is not None:
            features, columns = features_of(rows, source, Wanted(schema=self._schema))
            say_of_columns(source.name, columns.remarks, "Leave what is no feature out of X.")
            return features, labels_of(source, where, y), qid
        features, columns = features_of(rows, source, Wanted(columns=self.columns) if reset else None)
        names = columns.feature_names if columns.schema is None else columns.schema.sources
        names = names if all(isinstance(name, str) for name in names_of(rows)) else None
        if reset:
            self._qid_place, self._schema = None, columns.schema
            say_of_columns(source.name, columns.remarks, "Name kinds with columns=, and leave the others out of X.")
            self.n_features_in_ = features.shape[1] if columns.schema is None else len(columns.schema.sources)
            if names is not None:
                self.feature_names_in_ = np.array(names, dtype=object)
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
        else:
            known = getattr(self, "feature_names_in_", None)
            features = matched_features(source, features, names, self.n_features_in_, known)
        return features, labels_of(source, where, y), qid
