"""A net in the runtimes for Python, from the files that Rocket exported: one call per step."""

import argparse
import os
import subprocess
import sys

parser = argparse.ArgumentParser()
for name in ("net", "batch", "threads", "mode"):
    parser.add_argument(f"--{name}", required=True)
options = parser.parse_args()
rows, threads = int(options.batch), int(options.threads)
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np  # noqa: E402

from worker import serve  # noqa: E402

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".nets", options.net)
MODEL = os.path.join(FOLDER, "ids", "model.onnx")
TFLITE = os.path.join(FOLDER, "model.tflite")


def array_of(shape, is_int):
    generator = np.random.default_rng(1)
    if is_int:
        return generator.integers(0, 4, shape).astype(np.int32)
    return (generator.random(shape) - 0.5).astype(np.float32)


def onnx_runtime():
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(MODEL, settings)
    feeds = {i.name: array_of([rows, *i.shape[1:]], "int" in i.type) for i in session.get_inputs()}
    return lambda: session.run(["logits"], feeds)[0], f"onnxruntime {onnxruntime.__version__}"


def openvino():
    import openvino as ov

    core = ov.Core()
    model = core.read_model(MODEL)
    shapes = {i.any_name: [rows, *(d.get_length() for d in list(i.partial_shape)[1:])] for i in model.inputs}
    feeds = {i.any_name: array_of(shapes[i.any_name], "i32" in str(i.element_type)) for i in model.inputs}
    model.reshape(shapes)
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
    settings["INFERENCE_PRECISION_HINT"] = "f32"
    request = core.compile_model(model, "CPU", settings).create_infer_request()

    def step():
        request.infer(feeds, share_inputs=True, share_outputs=True)
        return request.get_tensor("logits").data

    return step, f"OpenVINO {ov.__version__}"


def convert():
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    # The converter does not find the variables of a SavedModel without objects: make them constants.
    saved = tf.saved_model.load(os.path.join(FOLDER, "saved-model"))
    frozen = convert_variables_to_constants_v2(saved.signatures["serving_default"])
    content = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    with open(f"{TFLITE}.part", "wb") as file:
        file.write(content)
    os.replace(f"{TFLITE}.part", TFLITE)


def litert():
    import ai_edge_litert
    from ai_edge_litert.interpreter import Interpreter

    if not os.path.exists(TFLITE):
        # TensorFlow must not be in the process that is measured.
        made = subprocess.run([sys.executable, __file__, *sys.argv[1:], "--mode", "convert"])
        if made.returncode != 0:
            sys.exit(made.returncode)
    net = Interpreter(TFLITE, num_threads=threads)
    for entry in net.get_input_details():
        net.resize_tensor_input(entry["index"], [rows, *entry["shape"][1:]])
    net.allocate_tensors()
    entries = net.get_input_details()
    feeds = [(e["index"], array_of(e["shape"], e["dtype"] == np.int32)) for e in entries]
    outputs = net.get_output_details()

    def step():
        for index, values in feeds:
            net.set_tensor(index, values)
        net.invoke()
        return [net.get_tensor(entry["index"]) for entry in outputs]

    return step, f"LiteRT {getattr(ai_edge_litert, '__version__', '')}"


def timed():
    run()


if options.mode == "convert":
    convert()
else:
    run, detail = {"onnxruntime": onnx_runtime, "openvino": openvino, "litert": litert}[options.mode]()
    serve(timed, detail)
