"""Compares exported weights with the checkpoint that they come from.

weights.py RUN EXPORT …
"""

import json
import sys

from safetensors.numpy import load_file

for run, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    with open(f"{run}/model.json") as file:
        variables = json.load(file)["variables"]
    light = {v["name"]: v["shape"] for v in variables if v["owner"] != "booster"}
    best = load_file(f"{run}/checkpoints/best.safetensors")
    exported = load_file(f"{folder}/light.safetensors")
    assert exported.keys() == light.keys(), exported.keys() ^ light.keys()
    for name, values in exported.items():
        assert list(values.shape) == light[name], name
        assert values.tobytes() == best[name].tobytes(), name
    print(f"{len(exported)} tensors", flush=True)
