"""Where a step's time goes, op by op, by TensorFlow's profiler: of a graph that Rocket has recorded, or of a
peer in TensorFlow. Prints a line of JSON: the step's milliseconds, and count and milliseconds by op.

usage: profile_ops.py graph FILE BELOW | profile_ops.py peer PROGRAM.py ARGUMENTS…
"""

import collections
import json
import os
import pathlib
import runpy
import statistics
import sys
import tempfile
import time
from typing import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_pb2, node_def_pb2
from tensorflow.tsl.profiler.protobuf import xplane_pb2

import worker

WARM_UP, TIMED, PROFILED = 5, 15, 5

# The nodes of a recorded graph that run in each call: its outputs, and writes in place.
RUN = ("Identity", "ResourceScatterUpdate")


def profile(step: Callable[[], object]) -> dict:
    for _ in range(WARM_UP):
        step()
    times = []
    for _ in range(TIMED):
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1000)
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(PROFILED):
            step()
        tf.profiler.experimental.stop()
        (file,) = pathlib.Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    counts: collections.Counter = collections.Counter()
    milliseconds: collections.Counter = collections.Counter()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                # Events of ops are called NAME:OP; all others are of what runs them.
                _, *op = plane.event_metadata[event.metadata_id].name.split(":")
                if len(op) == 1 and op[0].isidentifier():
                    (op,) = op
                    counts[op] += 1
                    milliseconds[op] += event.duration_ps / 1e9
    ops = {op: {"count": count / PROFILED, "milliseconds": milliseconds[op] / PROFILED} for op, count in counts.items()}
    return {"milliseconds": statistics.median(times), "ops": ops}


def table(node: node_def_pb2.NodeDef) -> tuple[tf.Tensor, tf.Operation]:
    """A resource variable for an embedding table, and the operation that fills it."""
    shape = [dim.size for dim in node.attr["_handle_shapes"].list.shape[0].dim]
    variable = tf.raw_ops.VarHandleOp(shape=shape, dtype=tf.float32, shared_name=f"table_{node.name}")
    return variable, tf.raw_ops.AssignVariableOp(resource=variable, value=tf.fill(shape, 0.1))


def recorded(file: str, below: int) -> Callable[[], object]:
    """A step of a recorded graph, on random numbers; whole numbers are below a limit, as ids are."""
    definition = graph_pb2.GraphDef.FromString(pathlib.Path(file).read_bytes())
    graph = tf.Graph()
    with graph.as_default():
        # Embedding tables are resource variables.
        tables = {node.name: table(node) for node in definition.node if "_handle_shapes" in node.attr}
        tf.import_graph_def(definition, name="", input_map={f"{name}:0": value for name, (value, _) in tables.items()})
    read = {name.split(":")[0].lstrip("^") for node in definition.node for name in node.input}
    fetches = [node.name for node in definition.node if node.op in RUN and node.name not in read]
    fetches = [name if graph.get_operation_by_name(name).type == RUN[1] else f"{name}:0" for name in fetches]
    random = np.random.default_rng(0)
    feeds = {}
    for node in definition.node:
        if node.op != "Placeholder" or node.name in tables:
            continue
        tensor = graph.get_tensor_by_name(f"{node.name}:0")
        if tensor.dtype == tf.int32:
            feeds[tensor] = random.integers(0, below, tensor.shape, dtype=np.int32)
        else:
            feeds[tensor] = random.random(tensor.shape, dtype=np.float32) * np.float32(0.1)
    threads = worker.threads()
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    session = tf.compat.v1.Session(graph=graph, config=config)
    session.run([assign for _, assign in tables.values()])
    call = session.make_callable(fetches, feed_list=list(feeds))
    values = list(feeds.values())
    return lambda: call(*values)


def main() -> None:
    kind, program, *arguments = sys.argv[1:]
    if kind == "graph":
        print(json.dumps(profile(recorded(program, int(arguments[0])))))
        return
    worker.serve = lambda step, *_: print(json.dumps(profile(step)))
    sys.argv = [program, *arguments]
    runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
