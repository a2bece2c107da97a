"""The bench's protocol for peers in Python; worker.ts has the same for programs in TypeScript."""

import json
import math
import os
import sys
import time
from typing import Callable, NotRequired, TypedDict

WARM_UP = 5


class Measured(TypedDict):
    """What a step measured itself: the milliseconds of the part that is compared, and the AUC on the test split."""

    milliseconds: float
    auc: NotRequired[float]


def threads() -> int:
    """The cores that this process may use: as many threads as Rocket's engine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def serve(
    step: Callable[[], float | Measured | None], detail: str, parameters: int | None = None, warm_up: int = WARM_UP
) -> None:
    """Times a step: prints `ready` and facts after the warm-up; then, for each line with a number N on
    standard input, runs N steps and prints their measurements as a JSON list.

    A step has its result read back, and returns its loss if it has one, or what it measured itself.
    """
    losses = [loss for loss in (step() for _ in range(warm_up)) if isinstance(loss, float)]
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
            result = step()
            milliseconds = (time.perf_counter() - start) * 1000
            times.append(result if isinstance(result, dict) else {"milliseconds": milliseconds})
        print(json.dumps(times), flush=True)
