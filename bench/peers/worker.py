"""The bench's protocol for peers in Python; worker.ts has the same for programs in TypeScript."""

import json
import math
import os
import sys
import time
from typing import Callable

WARM_UP = 5


def threads() -> int:
    """The cores that this process may use: as many threads as Rocket's engine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def serve(step: Callable[[], float | None], detail: str, parameters: int | None = None) -> None:
    """Times a step: prints `ready` and facts after the warm-up; then, for each line with a number N on
    standard input, runs N steps and prints their milliseconds as a JSON list.

    A step has its result read back, and returns its loss if it has one.
    """
    losses = [loss for loss in (step() for _ in range(WARM_UP)) if loss is not None]
    if not all(map(math.isfinite, losses)):
        sys.exit(f"the losses are {losses}")
    facts = {"detail": detail, "losses": losses}
    if parameters is not None:
        facts["parameters"] = parameters
    print("ready", json.dumps(facts), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1000)
        print(json.dumps(times), flush=True)
