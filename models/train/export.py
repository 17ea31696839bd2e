"""Writes a trained network as ONNX: opset 17, fixed shapes, batch normalisation folded; checks that ONNX Runtime gives the same.

    export.py RUN/checkpoint.pt [NEXT/checkpoint.pt ..] --output ../networks/pillars.onnx --catalogue ../own.toml

Of several checkpoints, each trained on from the one before, the mean of the weights is written (Wortsman et al., "Model soups", 2022).
"""

import argparse
import hashlib
import re
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

import camera
import pillars
import train
from blocks import fold_batch_norm

WRAPPERS = {"pillars": pillars.Exported, "camera": camera.Exported}
LARGEST = 4_000_000


def weights(checkpoint):
    """The averaged network of a checkpoint, for evaluation, and its task."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = train.build(state["task"])
    network.load_state_dict(state["average"])
    return network.eval(), state["task"], state["step"]


def probe(task):
    """A plausible input: sparse pillars, a noisy picture."""
    rng = np.random.default_rng(7)
    if task == "camera":
        return rng.random(camera.Exported.shape, np.float32)
    points = rng.normal(0, [14, 14, 0.6], (60_000, 3)).astype(np.float32)
    return pillars.features(points + np.float32([0, 0, 0.6]))[None]


def session(path, threads=2):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def mean_network(checkpoints):
    """The mean of the folded networks of some checkpoints, their task and the steps of all."""
    networks, tasks, steps = zip(*[weights(checkpoint) for checkpoint in checkpoints])
    if len(set(tasks)) > 1:
        raise SystemExit(f"{', '.join(map(str, checkpoints))}: of different tasks: {', '.join(tasks)}")
    states = [fold_batch_norm(network).state_dict() for network in networks]
    mean = {name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]}
    networks[0].load_state_dict(mean)
    return networks[0], tasks[0], sum(steps)


def export(checkpoints, output):
    """Writes and checks; gives the facts that the catalogue needs."""
    network, task, step = mean_network(checkpoints)
    wrapper = WRAPPERS[task](network).eval()
    sample = torch.from_numpy(probe(task))
    output = Path(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            wrapper,
            (sample,),
            str(output),
            input_names=wrapper.inputs,
            output_names=wrapper.outputs,
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(output)
    onnx.checker.check_model(model)
    if output.stat().st_size > LARGEST:
        raise SystemExit(f"{output}: {output.stat().st_size} bytes, at most {LARGEST}")
    run = session(output)
    with torch.no_grad():
        expected = wrapper(sample)
    found = run.run(None, {wrapper.inputs[0]: sample.numpy()})
    error = max(float(np.abs(e.numpy() - f).max() / max(1.0, np.abs(f).max())) for e, f in zip(expected, found))
    if not error < 1e-4:
        raise SystemExit(f"{output}: ONNX Runtime differs from torch by {error}")
    times = []
    for _ in range(15):
        start = time.perf_counter()
        run.run(None, {wrapper.inputs[0]: sample.numpy()})
        times.append(time.perf_counter() - start)
    return {
        "task": task,
        "steps": step,
        "bytes": output.stat().st_size,
        "sha256": hashlib.sha256(output.read_bytes()).hexdigest(),
        "operators": sorted({node.op_type for node in model.graph.node}),
        "outputs": {n: list(f.shape) for n, f in zip(wrapper.outputs, found)},
        "largest_difference": error,
        "milliseconds": round(1e3 * float(np.median(times)), 1),
    }


def enter(catalogue, name, digest):
    """Puts the digest of a new file into its entry of the catalogue."""
    text = catalogue.read_text()
    entry = re.compile(rf'(file = "[^"]*{re.escape(name)}"\nsha256 = ")[^"]*')
    if not entry.search(text):
        raise SystemExit(f"{catalogue}: no entry of {name}")
    catalogue.write_text(entry.sub(rf"\g<1>{digest}", text))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("checkpoints", nargs="+", type=Path)
    arguments.add_argument("--output", required=True, type=Path)
    arguments.add_argument("--catalogue", type=Path, help="gets the file's new digest")
    a = arguments.parse_args()
    facts = export(a.checkpoints, a.output)
    for name, value in facts.items():
        print(f"{name}: {value}")
    if a.catalogue:
        enter(a.catalogue, a.output.name, facts["sha256"])


if __name__ == "__main__":
    main()
