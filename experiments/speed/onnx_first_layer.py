"""The first layer in ONNX Runtime.

`experiments/speed/onnx_first_layer.py`: the layer over bins as a product with the encoding, which is what is
exported, and as rows of a table: bins are found by counting edges; two rows a feature are gathered and added up by a
product with their shares, for some features at a time so that what is gathered stays in the cache, or for all. No
operator reads rows and adds them up in one go, so that the rows are written before they are added. 100 documents of
136 features with 32 bins each, to 256 outputs.
"""

import numpy as np
import onnxruntime
from measuring import begin, print_table, take_turns
from onnx import TensorProto, helper, numpy_helper

N_DOCS, N_FEATURES, N_BINS, N_OUTPUTS = 100, 136, 32, 256


def node(kind, inputs, outputs, **options):
    """A node, its inputs and outputs by name, blanks between."""
    return helper.make_node(kind, inputs.split(), outputs.split(), **options)


def session(nodes, constants):
    """Of a graph from ``x`` to ``y``."""
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", N_FEATURES])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def forms(low, inverse_width, high, weights):
    """The layer in each form, by name."""
    constants = {
        "first": low[:, 0],
        "high": high,
        "zero": np.float32(0),
        "one": np.float32(1),
        "last": np.array([2]),
        "middle": np.array([1]),
    }
    inside = [
        node("Max", "x first", "above"),
        node("Min", "above high", "inside"),
        node("Unsqueeze", "inside last", "u"),
    ]
    encode = [node("Sub", "u low", "d"), node("Mul", "d width", "e"), node("Clip", "e zero one", "c")]
    product = [node("Reshape", "c flat", "f"), node("Gemm", "f w", "y", transB=1)]
    of_product = {**constants, "low": low, "width": inverse_width, "flat": np.array([0, N_FEATURES * N_BINS])}
    yield "product with the encoding", session([*inside, *encode, *product], {**of_product, "w": weights})

    find = [
        node("GreaterOrEqual", "u begins", "begun"),
        node("Cast", "begun", "counted", to=TensorProto.INT64),
        node("ReduceSum", "counted last", "bin", keepdims=0),
        node("Add", "bin base", "row"),
        node("Gather", "lows row", "low"),
        node("Gather", "widths row", "width"),
        node("Sub", "inside low", "d"),
        node("Mul", "d width", "e"),
        node("Clip", "e zero one", "share"),
    ]
    of_bins = {
        **constants,
        "begins": low[:, 1:],
        "base": np.arange(N_FEATURES) * N_BINS,
        "lows": low.ravel(),
        "widths": inverse_width.ravel(),
    }
    yield "bins and shares alone", session([*inside, *find, node("Identity", "share", "y")], of_bins)

    steps = weights.reshape(N_OUTPUTS, N_FEATURES, N_BINS).transpose(1, 2, 0)
    table = np.concatenate([np.zeros((N_FEATURES, 1, N_OUTPUTS)), steps.cumsum(axis=1, dtype=np.float64)], axis=1)
    pairs = np.concatenate([table[:, :-1], steps], axis=2).astype(np.float32)
    coefficients = [
        node("Mul", "share zero", "nothing"),
        node("Add", "nothing one", "whole"),
        node("Unsqueeze", "whole last", "whole_"),
        node("Unsqueeze", "share last", "share_"),
        node("Concat", "whole_ share_", "each", axis=2),
        node("Reshape", "each alone", "coefficients"),
    ]
    for together in (N_FEATURES, 8, 4):
        n = N_FEATURES // together
        parts = [
            node("Split", "row", " ".join(f"row{k}" for k in range(n)), axis=1, num_outputs=n),
            node("Split", "coefficients", " ".join(f"of{k}" for k in range(n)), axis=2, num_outputs=n),
        ]
        for k in range(n):
            parts += [
                node("Gather", f"pairs row{k}", f"read{k}"),
                node("Reshape", f"read{k} rows", f"rows{k}"),
                node("MatMul", f"of{k} rows{k}", f"part{k}"),
            ]
        total = [node("Sum", " ".join(f"part{k}" for k in range(n)), "sum"), node("Squeeze", "sum middle", "y")]
        of_table = {
            **of_bins,
            "pairs": pairs.reshape(-1, 2 * N_OUTPUTS),
            "alone": np.array([0, 1, 2 * N_FEATURES]),
            "rows": np.array([0, 2 * together, N_OUTPUTS]),
        }
        name = f"rows of a table, {together} features together"
        yield name, session([*inside, *find, *coefficients, *parts, *total], of_table)


def main():
    options = begin(__doc__, runs=15)
    random = np.random.default_rng(0)
    edges = np.sort(random.standard_normal((N_FEATURES, N_BINS + 1)), axis=1).astype(np.float32)
    low, inverse_width, high = edges[:, :-1], (1 / np.diff(edges, axis=1)).astype(np.float32), edges[:, -1]
    weights = (random.standard_normal((N_OUTPUTS, N_FEATURES * N_BINS)) / 66).astype(np.float32)
    documents = random.standard_normal((N_DOCS, N_FEATURES)).astype(np.float32)
    made = dict(forms(low, inverse_width, high, weights))
    spent = take_turns(
        {name: lambda one=one: one.run(None, {"x": documents}) for name, one in made.items()}, options.runs
    )
    print_table(["first layer", "ms", "times the first", "largest difference"], rows(made, spent, documents))


def rows(made, spent, documents):
    first, *_ = made
    expected = made[first].run(None, {"x": documents})[0]
    for name, one in made.items():
        found = one.run(None, {"x": documents})[0]
        difference = f"{np.abs(found - expected).max():.0e}" if found.shape == expected.shape else ""
        yield (name, f"{1000 * spent[name].seconds:.2f}", f"{spent[name].over(spent[first]):.2f}", difference)


if __name__ == "__main__":
    main()
