"""Computes rows with the graphs of export folders and compares the logits with the expected ones.

graphs.py onnx|saved-model ROWS FOLDER…
"""

import json
import sys

import numpy as np
import pyarrow as pa


def array(table, name, shape):
    column = table[name].combine_chunks()
    values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
    return values.to_numpy(zero_copy_only=False).reshape([len(table), *shape])


def open_onnx(folder):
    import onnxruntime

    session = onnxruntime.InferenceSession(f"{folder}/model.onnx")
    shapes = {i.name: i.shape[1:] for i in session.get_inputs()}
    names = [output.name for output in session.get_outputs()]
    return shapes, lambda rows: dict(zip(names, session.run(names, rows)))


def open_saved_model(folder):
    import tensorflow as tf

    serve = tf.saved_model.load(folder).signatures["serving_default"]
    forms = serve.structured_input_signature[1]
    shapes = {name: form.shape[1:] for name, form in forms.items()}

    def run(rows):
        given = {name: tf.constant(rows[name], form.dtype) for name, form in forms.items()}
        return {name: value.numpy() for name, value in serve(**given).items()}

    return shapes, run


def probabilities_of(kind, logits):
    logits = logits.astype(np.float64)
    if kind == "binary":
        return 1 / (1 + np.exp(-logits))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def distance(open_graph, rows, folder):
    shapes, run = open_graph(folder)
    table = pa.ipc.open_file(f"{folder}/{rows}").read_all()
    with open(f"{folder}/model.json") as file:
        model = json.load(file)
    kind = model["label"]["spec"]["kind"]
    expected = array(table, "logits", [model["network"]["units"]])
    inputs = {name: array(table, name, shape) for name, shape in shapes.items()}
    top, far = np.abs(expected).max(), 0.0
    for count in [len(table), 1, 7]:
        answer = run({name: values[:count] for name, values in inputs.items()})
        assert answer["logits"].shape == expected[:count].shape
        assert all(np.isfinite(values).all() for values in answer.values())
        far = max(far, np.abs(answer["logits"] - expected[:count]).max() / top)
        if kind != "number":
            wanted = probabilities_of(kind, expected[:count])
            far = max(far, np.abs(answer["probabilities"] - wanted).max())
    return float(far)


opened = {"onnx": open_onnx, "saved-model": open_saved_model}[sys.argv[1]]
for path in sys.argv[3:]:
    print(json.dumps(distance(opened, sys.argv[2], path)), flush=True)
