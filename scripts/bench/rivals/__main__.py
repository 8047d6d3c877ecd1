"""One trainer in a process of its own: `python -m rivals gossipfl|rounded|torch|jax|numpy`.

It answers the line "MODEL STEPS", with a name out of `models.py`, with CPU seconds per step, and
the line "peak" with GFLOP/s of its best matrix product.
"""

import importlib
import sys
import time

from models import MODELS

from rivals.task import Run


def main() -> None:
    """Answer until the input ends."""
    rival = importlib.import_module(f"rivals.{sys.argv[1]}")
    made: dict[str, Run] = {}
    for line in sys.stdin:
        if line.strip() == "peak":
            print(rival.peak(), flush=True)
            continue
        name, count = line.split()
        steps = int(count)
        if name not in made:
            made[name] = rival.make(MODELS[name])
            made[name](steps)  # first calls compile and allocate
        start = time.process_time()
        made[name](steps)
        print((time.process_time() - start) / steps, flush=True)


main()
