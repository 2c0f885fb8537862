"""The part of an ONNX file that makes the matrix of a schema of the columns, and putting it before a scorer.

Vocabularies are LabelEncoder of ai.onnx.ml, hashes MurmurHash3 of ONNX Runtime's own operators, parts of times whole
numbers of microseconds, so that every number is the one that :class:`rankkit.data.columns.row_encoder.RowEncoder`
gives.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Time
from rankkit.data.columns.schema import Schema
from rankkit.export.needs import need
from rankkit.export.strings.inputs import ColumnInput, column_inputs

MATRIX = "features"
"""The tensor between the two parts."""
_ML, _RUNTIME = "ai.onnx.ml", "com.microsoft"
_DAY = 86_400_000_000  # microseconds
_ERA = 146_097  # days of 400 years
_SHIFT = 719_468 + 10 * _ERA  # days from a first of March, before all times that are taken, to 1970


def put_before(path: Path, schema: Schema) -> None:
    """Rewrite the file of a scorer, whose input is the matrix, so that its inputs are the columns."""
    onnx = need("onnx", "export")
    scorer = onnx.load(str(path))
    opset = next(one.version for one in scorer.opset_import if one.domain in ("", "ai.onnx"))
    # Names inside the scorer may be those of columns.
    scorer = onnx.compose.add_prefix(scorer, "ranker/", rename_inputs=False, rename_outputs=False)
    encoder = _Encoder(onnx, opset).model(schema, scorer.ir_version)
    whole = onnx.compose.merge_models(encoder, scorer, io_map=[(MATRIX, MATRIX)])
    del whole.metadata_props[:]
    for one in scorer.metadata_props:
        whole.metadata_props.add(key=one.key, value=one.value)
    whole.producer_name, whole.producer_version = scorer.producer_name, scorer.producer_version
    whole.doc_string = ""
    onnx.save(whole, str(path))


def write_scorer_part(path: Path, n_features: int, to: Path) -> None:
    """Write what follows the matrix in a file that :func:`put_before` wrote, as a file of its own."""
    onnx = need("onnx", "export")
    model = onnx.load(str(path))
    graph = model.graph
    nodes = [node for node in graph.node if not node.name.startswith("encode/")]
    used = {name for node in nodes for name in node.input}
    matrix = onnx.helper.make_tensor_value_info(MATRIX, onnx.TensorProto.FLOAT, ["n", n_features])
    weights = [one for one in graph.initializer if one.name in used]
    part = onnx.helper.make_graph(nodes, graph.name, [matrix], list(graph.output), weights)
    made = onnx.helper.make_model(part, opset_imports=list(model.opset_import), functions=list(model.functions))
    made.ir_version = model.ir_version
    onnx.save(made, str(to))


class _Encoder:
    """Builds the part that makes the matrix, an operator at a time."""

    def __init__(self, onnx: Any, opset: int) -> None:
        self._onnx, self._opset = onnx, opset
        self._nodes: list[Any] = []
        self._weights: dict[str, Any] = {}

    def model(self, schema: Schema, ir_version: int) -> Any:
        """The whole part: the columns in, the matrix out."""
        onnx, helper = self._onnx, self._onnx.helper
        types = {
            "string": onnx.TensorProto.STRING,
            "float32": onnx.TensorProto.FLOAT,
            "float64": onnx.TensorProto.DOUBLE,
        }
        taken = column_inputs(schema)
        parts = [part for column in schema.columns for part in self._column(column, taken[column.name])]
        self._nodes.append(helper.make_node("Concat", parts, [MATRIX], axis=1, name="encode/matrix"))
        inputs = [
            helper.make_tensor_value_info(one.name, types[one.dtype], ["n"] if one.width is None else ["n", one.width])
            for one in taken.values()
        ]
        matrix = helper.make_tensor_value_info(MATRIX, onnx.TensorProto.FLOAT, ["n", schema.width])
        graph = helper.make_graph(self._nodes, "encode", inputs, [matrix], list(self._weights.values()))
        domains = {"": self._opset, _ML: 3, _RUNTIME: 1}
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid(*one) for one in domains.items()])
        made.ir_version = ir_version
        return made

    def _op(self, kind: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        name = f"encode/{len(self._nodes)}"
        self._nodes.append(
            self._onnx.helper.make_node(kind, list(inputs), [name], name=name, domain=domain, **attributes)
        )
        return name

    def _value(self, value: Any, dtype: Any) -> str:
        array: NDArray[Any] = np.array(value, dtype)
        name = f"encode/{array.dtype}/{value}"
        if name not in self._weights:
            self._weights[name] = self._onnx.numpy_helper.from_array(array, name)
        return name

    def _cast(self, name: str, to: str) -> str:
        return self._op("Cast", name, to=getattr(self._onnx.TensorProto, to))

    def _as_column(self, name: str, one: ColumnInput) -> str:
        return self._op("Unsqueeze", name, self._value([1], np.int64)) if one.width is None else name

    def _column(self, column: Any, one: ColumnInput) -> list[str]:
        """What the matrix has of a column, a tensor ``[n, width]`` a part."""
        if isinstance(column, Category | Bag):
            codes = self._codes(column) if column.n_buckets is None else self._hashes(column)
            return [self._as_column(codes, one)]
        if isinstance(column, Time):
            return [self._as_column(part, one) for part in self._parts(column)]
        return [self._as_column(one.name, one)]

    def _codes(self, column: Any) -> str:
        words = [*column.vocabulary, ""]
        codes = [*map(float, range(len(column.vocabulary))), float("nan")]
        return self._op(
            "LabelEncoder",
            column.name,
            domain=_ML,
            keys_strings=words,
            values_floats=codes,
            default_float=float(column.n_codes),
        )

    def _hashes(self, column: Any) -> str:
        hashed = self._op("MurmurHash3", column.name, domain=_RUNTIME, positive=1, seed=0)
        bucket = self._op("Mod", self._cast(hashed, "INT64"), self._value(column.n_buckets, np.int64))
        nothing = self._op(
            "LabelEncoder", column.name, domain=_ML, keys_strings=[""], values_floats=[float("nan")], default_float=0.0
        )
        return self._op("Add", self._cast(bucket, "FLOAT"), nothing)

    def _micros(self, name: str) -> tuple[str, str]:
        """Whole microseconds of an input in seconds, 0 where it is missing, and NaN there and 0 elsewhere."""
        scaled = self._op("Round", self._op("Mul", name, self._value(1e6, np.float64)))
        nothing = self._op("Sub", scaled, scaled)  # NaN of NaN
        there = self._op("Where", self._op("IsNaN", name), self._value(0.0, np.float64), scaled)
        return self._cast(there, "INT64"), nothing

    def _parts(self, column: Time) -> list[str]:
        micros, nothing = self._micros(column.name)
        within = self._op("Mod", micros, self._value(_DAY, np.int64))  # as of Python: never negative
        day = self._op("Div", self._op("Sub", micros, within), self._value(_DAY, np.int64))
        found = []
        for part in column.parts:
            if part in ("seconds", "days"):
                value = self._op("Mul", self._cast(micros, "DOUBLE"), self._value(1e-6, np.float64))
                value = self._op("Sub", value, self._value(float(column.origin or 0), np.float64))
                if part == "days":
                    value = self._op("Div", value, self._value(86_400.0, np.float64))
            elif part == "weekday":
                later = self._op("Add", day, self._value(3, np.int64))  # 1970 began with a Thursday
                value = self._cast(self._op("Mod", later, self._value(7, np.int64)), "DOUBLE")
            elif part == "hour":
                value = self._op("Div", self._cast(within, "DOUBLE"), self._value(3.6e9, np.float64))
            elif part == "yearday":
                value = self._yearday(day, within)
            else:
                until, no_reference = self._micros(str(column.reference))
                apart = self._cast(self._op("Sub", until, micros), "DOUBLE")
                value = self._op("Div", apart, self._value(8.64e10, np.float64))
                value = self._op("Add", value, no_reference)
            found.append(self._cast(self._op("Add", value, nothing), "FLOAT"))
        return found

    def _yearday(self, day: str, within: str) -> str:
        """Days since the first of January, by the days of 400 years counted from a first of March.

        Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
        """

        def whole(value: int) -> str:
            return self._value(value, np.int64)

        def op(kind: str, one: str, other: str | int) -> str:
            return self._op(kind, one, other if isinstance(other, str) else whole(other))

        of_era = op("Mod", op("Add", day, _SHIFT), _ERA)
        leaps = op("Sub", op("Add", op("Sub", of_era, op("Div", of_era, 1460)), op("Div", of_era, 36_524)),
                   op("Div", of_era, 146_096))  # fmt: skip
        year = op("Div", leaps, 365)
        begun = op("Sub", op("Add", op("Mul", year, 365), op("Div", year, 4)), op("Div", year, 100))
        since_march = op("Sub", of_era, begun)
        by_4, by_100 = op("Equal", op("Mod", year, 4), 0), op("Equal", op("Mod", year, 100), 0)
        is_leap = self._op("And", by_4, self._op("Or", self._op("Not", by_100), op("Equal", year, 0)))
        before_march = op("Add", self._cast(is_leap, "INT64"), 59)
        in_next_year = op("Greater", since_march, 305)
        since_january = self._op(
            "Where", in_next_year, op("Sub", since_march, 306), op("Add", since_march, before_march)
        )
        micros = op("Add", op("Mul", since_january, _DAY), within)
        return self._op("Div", self._cast(micros, "DOUBLE"), self._value(8.64e10, np.float64))
