"""The whole recipe in one command: drives from the simulator, training, export, evaluation.

    reproduce.py --chauffeur ../../target/release/chauffeur --work DATA            # hours on two cores, less with a GPU
    reproduce.py --chauffeur ../../target/release/chauffeur --work DATA --smoke    # minutes: the same path in small, with the tests

What is there already is kept, so an interrupted run goes on.
"""

import argparse
import json
import os
import time
import unittest
from pathlib import Path

import torch

import data
import evaluate
import export
import train

FAMILIES = ["urban", "red-light", "stop-and-go", "highway", "cut-in", "yard"]
# Drives (family, first seed, seeds, frames of each, every n-th) for training and for evaluation; steps, and windows or pictures a step.
FULL = {
    "train": [("scatter", 1, 120, 40, 1)] + [(family, 1001, 16, 10, 8) for family in FAMILIES],
    "held-back": [("scatter", data.HELD_BACK, 10, 30, 1)] + [(family, data.HELD_BACK, 1, 8, 8) for family in FAMILIES],
    "pillars": (6000, 32),
    "camera": (10000, 48),
}
SMOKE = {
    "train": [("scatter", 1, 2, 4, 1), ("urban", 1001, 1, 2, 2)],
    "held-back": [("scatter", data.HELD_BACK, 1, 3, 1)],
    "pillars": (20, 4),
    "camera": (20, 4),
}
JOBS = os.cpu_count() or 1
RATES = {"pillars": 2.5e-3, "camera": 2e-3}


def drives(recipe, binary, work):
    for part in ["train", "held-back"]:
        wanted = [(family, first + i, frames, every, True) for family, first, seeds, frames, every in recipe[part] for i in range(seeds)]
        for folder in data.generate(wanted, binary, work / part, JOBS):
            print(folder, flush=True)


def learn(recipe, work, output):
    tables = {}
    for task in ["pillars", "camera"]:
        steps, batch = recipe[task]
        checkpoint = train.train(task, work / "train", work / task, steps, batch, RATES[task], max(1, JOBS - 1))
        facts = export.export([checkpoint], output / f"{task}.onnx")
        print(json.dumps(facts, indent=1))
        run = export.session(output / f"{task}.onnx")
        tables[task] = (evaluate.lidar if task == "pillars" else evaluate.pictures)(run, work / "held-back")
        evaluate.show(tables[task])
    return tables


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--chauffeur", default="../../target/release/chauffeur", help="the program")
    arguments.add_argument("--work", required=True, type=Path, help="folder of the drives and the checkpoints")
    arguments.add_argument("--output", type=Path, help="folder of the networks, else the work folder")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--smoke", action="store_true", help="in small, after the tests")
    a = arguments.parse_args()
    started = time.monotonic()
    torch.set_num_threads(a.threads)
    if a.smoke:
        here = unittest.defaultTestLoader.discover(str(Path(__file__).parent), pattern="test_*.py")
        if not unittest.TextTestRunner().run(here).wasSuccessful():
            raise SystemExit("the tests fail")
    recipe = SMOKE if a.smoke else FULL
    drives(recipe, a.chauffeur, a.work)
    tables = learn(recipe, a.work, a.output or a.work)
    if a.smoke and not all(sum(row["labels"] for row in table.values()) for table in tables.values()):
        raise SystemExit("the held-back drives hold no label")
    print(f"done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
