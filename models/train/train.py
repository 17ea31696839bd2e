"""Trains a network; the same command on a GPU, where there is one, and on the processor.

    train.py pillars --data DATA/train --steps 20000 --output RUN
    train.py camera --data DATA/train --steps 20000 --output RUN

`--start NETWORK.onnx` begins with the weights of an exported network instead of random ones. With `--minutes M` it ends after M minutes if
that is before the last step, and the learning rate falls in time for it. Goes on where it stopped: the newest checkpoint in RUN is read.
Writes RUN/checkpoint.pt every `--save-minutes` and RUN/curve.csv.
"""

import argparse
import csv
import itertools
import math
import time
from pathlib import Path

import onnx
import torch

import camera
import data
import pillars
from blocks import unfold_batch_norm

TASKS = {"pillars": (pillars.Pillars, pillars.loss, data.Sweeps), "camera": (camera.Camera, camera.loss, data.Pictures)}


class Average:
    """Exponential moving average of the weights: what is evaluated and exported."""

    def __init__(self, network):
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.steps = 0

    def update(self, network, keep=0.9985):
        self.steps += 1
        keep = min(keep, (1 + self.steps) / (10 + self.steps))
        new = network.state_dict()
        floats = [name for name, value in new.items() if value.dtype.is_floating_point]
        torch._foreach_lerp_([self.state[name] for name in floats], [new[name] for name in floats], 1 - keep)
        for name in new.keys() - set(floats):
            self.state[name].copy_(new[name])


def rate(step, share, peak):
    """Short warm-up, then constant; in the last third of the work, of which `share` is done, it falls to nothing along a cosine."""
    warm = min(1.0, (step + 1) / 200)
    fall = 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, (share - 0.66) / 0.34))))
    return peak * warm * max(fall, 0.005)


def build(task):
    torch.manual_seed(1)
    return TASKS[task][0]()


def folded(path):
    """Weights and biases of an exported network by name."""
    return {i.name.removeprefix("network."): torch.tensor(onnx.numpy_helper.to_array(i)) for i in onnx.load(path).graph.initializer}


def train(task, folder, output, steps, batch, peak, workers=1, save_minutes=4.0, minutes=math.inf, start=None):
    """Trains to the last step, or until the time is up; gives the checkpoint."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    _, loss_of, dataset = TASKS[task]
    network = build(task)
    output = Path(output)
    checkpoint = output / "checkpoint.pt"
    if start and not checkpoint.exists():
        sample = data.collate(list(itertools.islice(dataset(folder, [0, 0]), 16)))
        unfold_batch_norm(network, folded(start), sample["input"])
    network = network.to(device, memory_format=torch.channels_last).train()
    decayed = [p for p in network.parameters() if p.ndim > 1]
    rest = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.99))
    average, step = Average(network), 0
    output.mkdir(parents=True, exist_ok=True)
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        average.state, average.steps, step = state["average"], state["average_steps"], state["step"]
        print(f"goes on at step {step}", flush=True)

    def save():
        state = {
            "task": task,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "average": average.state,
            "average_steps": average.steps,
            "step": step,
        }
        torch.save(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").replace(checkpoint)

    samples = dataset(folder, [1 + step])
    loader = torch.utils.data.DataLoader(
        samples, batch, num_workers=workers, collate_fn=data.collate, pin_memory=device.type == "cuda"
    )
    started = saved = shown = time.monotonic()
    sums, count = {}, 0
    for batch_of in loader:
        elapsed = (time.monotonic() - started) / (60 * minutes)
        if step >= steps or elapsed >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate(step, max(step / steps, elapsed), peak)
        batch_of = {name: value.to(device, non_blocking=True) for name, value in batch_of.items()}
        inputs = batch_of["input"].to(memory_format=torch.channels_last)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            out = network(inputs)
        total, parts = loss_of(out, batch_of)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        average.update(network)
        step += 1
        # Sums stay on the device: to read one means to wait for it.
        for name, value in {"loss": total.detach(), **parts}.items():
            sums[name] = sums.get(name, 0.0) + value
        count += 1
        if count == 100 or step == steps:
            now = time.monotonic()
            row = {"step": step, "seconds": round(now - shown, 1), **{k: round(float(v) / count, 4) for k, v in sums.items()}}
            print(row, flush=True)
            new = not (output / "curve.csv").exists()
            with open(output / "curve.csv", "a", newline="") as stream:
                writer = csv.DictWriter(stream, row)
                if new:
                    writer.writeheader()
                writer.writerow(row)
            shown, sums, count = now, {}, 0
        if time.monotonic() - saved > 60 * save_minutes:
            save()
            saved = time.monotonic()
    save()
    return checkpoint


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("task", choices=TASKS)
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--output", required=True)
    arguments.add_argument("--start", help="an exported network (ONNX) to go on from")
    arguments.add_argument("--steps", type=int, default=20000)
    arguments.add_argument("--batch", type=int, default=16, help="windows or pictures of one step")
    arguments.add_argument("--rate", type=float, default=2e-3)
    arguments.add_argument("--workers", type=int, default=1, help="processes that make samples")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--save-minutes", type=float, default=4.0)
    arguments.add_argument("--minutes", type=float, default=math.inf, help="ends after this time at the latest")
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    train(a.task, a.data, a.output, a.steps, a.batch, a.rate, a.workers, a.save_minutes, a.minutes, a.start)


if __name__ == "__main__":
    main()
