"""`predict` in Python: loads the net, reads an Arrow file, looks ids up in pyarrow, computes by ONNX Runtime, writes scores."""

import json
import os

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from worker import serve

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".nets", "ctr")


def read_model():
    with open(os.path.join(FOLDER, "ids", "model.json"), encoding="utf-8") as file:
        model = json.load(file)
    vocabularies = {}
    for feature in model["features"]:
        values = model["vocabularies"][feature["spec"]["vocabulary"]]
        if isinstance(values, dict):
            path = os.path.join(FOLDER, "ids", values["file"])
            values = ipc.open_file(path).read_all().column(0).combine_chunks()
        values = pa.array(values) if isinstance(values, list) else values
        if feature["type"]["family"] == "whole numbers":
            values = values.cast(pa.int64())
        vocabularies[feature["name"]] = values
    return vocabularies


def main():
    def step():
        session = onnxruntime.InferenceSession(os.path.join(FOLDER, "ids", "model.onnx"))
        vocabularies = read_model()
        with pa.memory_map(os.path.join(FOLDER, "score.arrow")) as source:
            reader, writer = ipc.open_file(source), None
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                feeds = {}
                for name, values in vocabularies.items():
                    ids = pc.fill_null(pc.index_in(batch[name], values), len(values))
                    feeds[name] = ids.to_numpy(zero_copy_only=False)
                (logits,) = session.run(["logits"], feeds)
                score = 1 / (1 + np.exp(-logits[:, 0]))
                columns = [batch["user"], batch["item"], pa.array(score)]
                scored = pa.record_batch(columns, names=["user", "item", "score"])
                if writer is None:
                    writer = ipc.new_file(os.path.join(FOLDER, "python.arrow"), scored.schema)
                writer.write_batch(scored)
            writer.close()

    serve(step, f"onnxruntime {onnxruntime.__version__}, pyarrow {pa.__version__}")


main()
