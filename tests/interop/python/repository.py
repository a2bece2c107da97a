"""Parses the configurations of model repositories and compares them with their graphs.

repository.py FOLDER…
"""

import os
import sys

import onnxruntime
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import triton_to_np_dtype

TYPES = {
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
    "tensor(bool)": "BOOL",
}


def type_of(name):
    return TYPES.get(name) or name.removeprefix("tensor(").removesuffix(")").upper()


def tensors(listed):
    found = []
    for tensor in listed:
        name = model_config_pb2.DataType.Name(tensor.data_type).removeprefix("TYPE_")
        name = "BYTES" if name == "STRING" else name
        assert triton_to_np_dtype(name) is not None, name
        found.append((tensor.name, name, list(tensor.dims)))
    return found


def of_graph(listed):
    sizes = lambda shape: [-1 if isinstance(size, str) else size for size in shape]
    return [(value.name, type_of(value.type), sizes(value.shape)) for value in listed]


for folder in sys.argv[1:]:
    (name,) = os.listdir(folder)
    assert sorted(os.listdir(f"{folder}/{name}")) == ["1", "config.pbtxt"]
    with open(f"{folder}/{name}/config.pbtxt") as file:
        config = text_format.Parse(file.read(), model_config_pb2.ModelConfig())
    session = onnxruntime.InferenceSession(f"{folder}/{name}/1/model.onnx")
    assert config.name == name and config.backend == "onnxruntime"
    assert config.max_batch_size == 0
    inputs = of_graph(session.get_inputs())
    assert tensors(config.input) == inputs, (tensors(config.input), inputs)
    outputs = of_graph(session.get_outputs())
    assert tensors(config.output) == outputs, (tensors(config.output), outputs)
    print(f"{len(inputs)} inputs, {len(outputs)} outputs", flush=True)
