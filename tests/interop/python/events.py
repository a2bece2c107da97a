"""Reads the event files of runs with TensorBoard and compares them with metrics.jsonl.

events.py RUN…
"""

import json
import os
import sys

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

for run in sys.argv[1:]:
    read = {}
    for folder in os.listdir(f"{run}/tensorboard"):
        events = EventAccumulator(f"{run}/tensorboard/{folder}", {"scalars": 0})
        events.Reload()
        for tag in events.Tags()["scalars"]:
            for event in events.Scalars(tag):
                key = (folder, tag, event.step)
                assert key not in read, key
                read[key] = event.value
    compared = 0
    with open(f"{run}/metrics.jsonl") as lines:
        for line in map(json.loads, lines):
            for name, value in line.items():
                if name in ("epoch", "step", "seconds", "split", "job"):
                    continue
                net, _, rest = name.partition("/")
                if net in ("light", "booster"):
                    key = (f"{net}-{line['split']}", rest, line["step"])
                else:
                    key = (line["split"], name, line["step"])
                assert np.float32(value) == np.float32(read[key]), (key, value, read[key])
                compared += 1
    assert compared > 0
    print(f"{compared} numbers", flush=True)
