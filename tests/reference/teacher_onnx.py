"""A small ONNX model that teaches, written with the package onnx.

    python tests/reference/teacher_onnx.py

writes teacher.onnx next to this file: for numbers a, whole numbers b and texts word, the logit
2a + b − 1 + (1 if the word is yes), and its sigmoid. All inputs are [rows]. Two outputs have wrong
shapes: `across` is [2, rows], and `uneven` is [rows, 2] for 256 rows, and [rows, 1] otherwise.
"""

from pathlib import Path

import onnx
from onnx import TensorProto as T
from onnx import helper as h

if __name__ == "__main__":
    nodes = [
        h.make_node(
            "LabelEncoder",
            ["word"],
            ["yes"],
            domain="ai.onnx.ml",
            keys_strings=["yes"],
            values_floats=[1.0],
            default_float=0.0,
        ),
        h.make_node("Cast", ["b"], ["number"], to=T.FLOAT),
        h.make_node("Mul", ["a", "two"], ["twice"]),
        h.make_node("Sum", ["twice", "number", "yes", "offset"], ["sum"]),
        h.make_node("Unsqueeze", ["sum", "axis"], ["logits"]),
        h.make_node("Sigmoid", ["logits"], ["probabilities"]),
        h.make_node("Concat", ["logits", "logits"], ["pairs"], axis=1),
        h.make_node("Transpose", ["pairs"], ["across"], perm=[1, 0]),
        h.make_node("Shape", ["a"], ["rows"]),
        h.make_node("Equal", ["rows", "many"], ["is_many"]),
        h.make_node("Cast", ["is_many"], ["more"], to=T.INT64),
        h.make_node("Add", ["more", "axis"], ["times"]),
        h.make_node("Concat", ["axis", "times"], ["repeats"], axis=0),
        h.make_node("Tile", ["logits", "repeats"], ["uneven"]),
    ]
    constants = [
        h.make_tensor("two", T.FLOAT, [1], [2.0]),
        h.make_tensor("offset", T.FLOAT, [1], [-1.0]),
        h.make_tensor("axis", T.INT64, [1], [1]),
        h.make_tensor("many", T.INT64, [1], [256]),
    ]
    graph = h.make_graph(
        nodes,
        "teacher",
        [
            h.make_tensor_value_info("a", T.FLOAT, ["rows"]),
            h.make_tensor_value_info("b", T.INT64, ["rows"]),
            h.make_tensor_value_info("word", T.STRING, ["rows"]),
        ],
        [
            h.make_tensor_value_info("logits", T.FLOAT, ["rows", 1]),
            h.make_tensor_value_info("probabilities", T.FLOAT, ["rows", 1]),
            h.make_tensor_value_info("across", T.FLOAT, [2, "rows"]),
            h.make_tensor_value_info("uneven", T.FLOAT, ["rows", "units"]),
        ],
        constants,
    )
    opsets = [h.make_opsetid("", 17), h.make_opsetid("ai.onnx.ml", 2)]
    model = h.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="")
    onnx.checker.check_model(model)
    onnx.save(model, Path(__file__).with_name("teacher.onnx"))
