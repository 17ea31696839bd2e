"""Lets the simulator make drives, and turns them into training samples.

    data.py --chauffeur ../../target/release/chauffeur --seeds 1-40 --frames 100 --camera --output DATA/train
    data.py --chauffeur ../../target/release/chauffeur --family urban --seeds 1-40 --frames 10 --every 8 --output DATA/train

A seed of `scatter` is one drive of `frames` unrelated scenes, a seed of a family is one drive of its scripted driver. Seeds from 900000 on are held back for evaluation, never trained on.
"""

import argparse
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch

import augment
import camera
import drives
import pillars

HELD_BACK = 900_000
# Side of a training window, cells of the heatmap; windows a sweep.
WINDOW = 104
WINDOWS = 4
# Size of a training picture, px of the network's input: most of a street's objects stand in a band of this height.
PICTURE = (224, 448)


class Sweeps(torch.utils.data.IterableDataset):
    """Endless augmented windows of the heatmap's size `WINDOW`: `WINDOWS` of each sweep, most of them around an object. `seed`: numbers."""

    def __init__(self, folder, seed):
        self.drives = drives.load(folder)
        self.frames = [(d, f) for d, drive in enumerate(self.drives) for f in range(len(drive))]
        self.seed = seed
        self.bank = []

    def sample(self, number):
        drive, frame = self.frames[number]
        points, ring, owner, boxes = self.drives[drive].sweep(frame)
        return {"points": points, "ring": ring, "owner": owner, "boxes": boxes, "origin": self.drives[drive].origin}

    def remember(self, sample, rng):
        """Keeps some of the sample's objects for other sweeps, the rare classes first."""
        wish = np.array([0.1, 1.0, 0.4, 1.0])
        for row, box in enumerate(sample["boxes"]):
            near = np.hypot(box[0], box[1]) < 45
            if box[7] >= 0 and box[8] >= 2 * pillars.MIN_POINTS and near and rng.random() < wish[int(box[7])]:
                item = augment.cut_out(sample, row)
                if len(item["points"]) >= pillars.MIN_POINTS:
                    self.bank.append(item)
        if len(self.bank) > 600:
            self.bank = self.bank[-500:]

    def windows(self, boxes, rng):
        kinds = boxes[:, 7].astype(int)
        able = np.flatnonzero((kinds >= 0) & (boxes[:, 8] >= pillars.MIN_POINTS) & (np.abs(boxes[:, :2]) < pillars.EDGE_M).all(1))
        weight = np.array([1.0, 5.0, 1.5, 2.0])[kinds[able]] if len(able) else None
        for number in range(WINDOWS):
            if number == 0 or len(able) == 0:
                start = rng.integers(0, pillars.OUT - WINDOW + 1, 2)
            else:
                box = boxes[rng.choice(able, p=weight / weight.sum())]
                cell = ((box[:2] + pillars.EDGE_M) / pillars.OUT_M).astype(int)
                start = np.clip(cell - rng.integers(8, WINDOW - 8, 2), 0, pillars.OUT - WINDOW)
            yield start

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([*self.seed, info.id if info else 0])
        while True:
            sample = self.sample(rng.integers(len(self.frames)))
            self.remember(sample, rng)
            number = min(int(rng.integers(0, 9)), len(self.bank))
            items = [self.bank[i] for i in rng.choice(len(self.bank), number, replace=False)] if number else []
            augment.sweep(sample, items, rng)
            grid = pillars.features(sample["points"])
            for row, column in self.windows(sample["boxes"], rng):
                r, c, side = row * pillars.STRIDE, column * pillars.STRIDE, WINDOW * pillars.STRIDE
                heatmap, weight, positives = pillars.targets(sample["boxes"], row, column, WINDOW)
                part = np.ascontiguousarray(grid[:, r : r + side, c : c + side])
                yield {"input": part, "heatmap": heatmap, "weight": weight, "positives": positives}


class Pictures(torch.utils.data.IterableDataset):
    """Endless augmented parts of pictures, most of them around an object. `seed` is a list of numbers."""

    def __init__(self, folder, seed):
        self.drives = [drive for drive in drives.load(folder) if drive.images is not None]
        self.frames = [(d, f) for d, drive in enumerate(self.drives) for f in range(len(drive))]
        self.seed = seed

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        rng = np.random.default_rng([*self.seed, info.id if info else 0])
        while True:
            drive, frame = self.frames[rng.integers(len(self.frames))]
            image, areas = self.drives[drive].picture(frame)
            image, areas = augment.picture(image, areas, PICTURE, image.shape[1] / camera.SIZE[1], rng)
            kind, sides = camera.targets(areas, PICTURE)
            yield {"input": image, "kind": kind, "sides": sides}


def collate(items):
    """Stacks; positives get the number of their item in front."""
    batch = {}
    for name in items[0]:
        if name == "positives":
            parts = [np.insert(item[name], 0, number, axis=1) for number, item in enumerate(items)]
            batch[name] = torch.from_numpy(np.concatenate(parts).astype(np.float32))
        else:
            batch[name] = torch.from_numpy(np.stack([item[name] for item in items]))
    return batch


def generate(wanted, binary, folder, jobs):
    """Yields the folder of every wanted drive (family, seed, frames, every n-th, with camera), `jobs` of them at a time."""
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(_generate, *zip(*[(binary, folder, *drive) for drive in wanted]))


def _generate(binary, folder, family, seed, count, every, with_camera):
    """One drive from the simulator to arrays, `count` frames of it; kept if it is there already."""
    target = Path(folder) / f"{family}-{seed:06d}"
    if (target / "index.json").exists():
        return target
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "drive.mcap"
        command = [binary, "simulate", family, "--seed", str(seed), "--output", str(path), "--compression", "none"]
        if family == "scatter":
            command += ["--frames", str(count)] + (["--camera"] if with_camera else [])
        else:
            command += ["--open-loop", "--duration", str(count * every / 10)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
        drives.convert(path, target, 0.0 if family == "scatter" else drives.TURN_S, every)
    return target


def span(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--chauffeur", default="../../target/release/chauffeur", help="the program")
    arguments.add_argument("--family", default="scatter", help="scatter, or the scenario of a drive")
    arguments.add_argument("--seeds", required=True, type=span, help="first-last")
    arguments.add_argument("--frames", type=int, default=100, help="frames a seed")
    arguments.add_argument("--every", type=int, default=1, help="keeps every n-th frame of a drive: neighbours are alike")
    arguments.add_argument("--camera", action="store_true", help="scatter: pictures too")
    arguments.add_argument("--jobs", type=int, default=1, help="drives at a time")
    arguments.add_argument("--output", required=True, type=Path)
    a = arguments.parse_args()
    wanted = [(a.family, seed, a.frames, a.every, a.camera) for seed in a.seeds]
    for target in generate(wanted, a.chauffeur, a.output, a.jobs):
        print(target, flush=True)


if __name__ == "__main__":
    main()
