"""`chauffeur check` over the machines of a Ray cluster.

In: drives from folders or object stores (s3://, gs://, az://, file://), references, and a `chauffeur` that lies at the same path on every machine.
Out: what one `chauffeur check` would have written, and `invocations.jsonl`: a line for every process that was started, whatever became of it.

A drive is one process, `chauffeur check-drive`, that knows of no other. Ray places them; this driver starts a drive again when its worker or
machine is lost, and takes down one result for each. It schedules nothing itself.
"""

import argparse
import ctypes
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ray

from drives import fetch, list_drives

# Drives in the hands of Ray for each core of the cluster: enough that no core waits, few enough that a lost machine costs little.
AHEAD = 2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("drives", nargs="+", metavar="DRIVE", help="drives, folders of drives, or URLs of either")
    parser.add_argument("--against", required=True, type=Path, metavar="DIR", help="folder of the references, on this machine")
    parser.add_argument("--update", action="store_true", help="write the references anew")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="folder of the results, on this machine")
    parser.add_argument("--criteria", type=Path, metavar="FILE", help="what a drive must be like")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the vehicle's configuration")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key of the configuration")
    parser.add_argument("--option", action="append", default=[], metavar="=--NAME=VALUE", help="any other option of `chauffeur check-drive`")
    parser.add_argument("--chauffeur", default="target/release/chauffeur", type=Path, metavar="FILE", help="the program, at this path on every machine")
    parser.add_argument("--keep-logs", choices=["all", "failed", "none"], default="failed", help="of which drives the logs are brought home")
    parser.add_argument("--attempts", type=int, default=3, metavar="N", help="processes for a drive at most, if workers are lost")
    parser.add_argument("--cores", type=float, default=1, metavar="N", help="cores that a drive is given")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--address", default="auto", help="the Ray cluster")
    where.add_argument("--local-nodes", type=int, metavar="N", help="a cluster of N nodes on this machine instead, to try it")
    return parser.parse_args()


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def die_with_parent():
    """A worker that is killed takes its process with it: nothing of a lost attempt goes on."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


@ray.remote(max_retries=0)
def check_one(name, url, references, files, job):
    """One drive in one process. Gives its line of JSON, its files and what was run."""
    with tempfile.TemporaryDirectory(prefix="chauffeur-") as folder:
        folder = Path(folder)
        for kind, texts in [("references", references), ("files", files)]:
            (folder / kind).mkdir()
            for file, text in texts.items():
                (folder / kind / file).write_bytes(text)
        drive = fetch(url, folder / f"{name}.mcap")
        command = [job["chauffeur"], "check-drive", "--name", name, "--against", f"{folder}/references", "--output", f"{folder}/output"]
        command += [f"--{option}={folder}/files/{option}" for option in files] + job["options"] + ["--", str(drive)]
        # What another build says is no result of this one.
        binary = digest(job["chauffeur"])
        begin, clock = time.time(), time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)
        node = ray.get_runtime_context().get_node_id()
        invocation = {
            "drive": name, "host": socket.gethostname(), "node": node, "command": command, "binary_sha256": binary, "begin": begin,
            "seconds": time.monotonic() - clock, "exit": done.returncode,
        }
        if binary != job["binary_sha256"]:
            raise RuntimeError(f"{socket.gethostname()}: {job['chauffeur']} is another program ({binary}) than the one at home")
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
            return {"invocation": invocation | {"error": last}}
        result = json.loads(lines[-1].replace(str(drive), url) if str(drive) != url else lines[-1])
        invocation["models"] = (result["made"] or {}).get("models", {})
        keep = {"all": True, "none": False}.get(job["keep_logs"], result["status"] != "passed")
        taken = {}
        for kind, ending, wanted in [("frames", "parquet", True), ("log", "mcap", keep)]:
            path, result[kind] = result[kind], None
            if path and wanted:
                taken[kind] = (f"{name}.{ending}", Path(path).read_bytes())
        fresh = {file.name: file.read_bytes() for file in (folder / "references").iterdir()} if job["update"] else {}
        return {"invocation": invocation, "result": result, "files": taken, "references": fresh}


class Home:
    """The results on this machine, as a part of a check that `check-merge` takes."""

    def __init__(self, output, drives):
        self.part = output / "part"
        for kind in ["log", "frames"]:
            (self.part / self.folder(kind)).mkdir(parents=True, exist_ok=True)
        (self.part / "drives.json").write_text(json.dumps({"shard": [1, 1], "drives": drives}) + "\n")
        self.results = open(self.part / "results.jsonl", "w")
        self.invocations = open(output / "invocations.jsonl", "w")

    @staticmethod
    def folder(kind):
        return {"log": "logs", "frames": "frames"}[kind]

    def note(self, invocation):
        print(json.dumps(invocation), file=self.invocations, flush=True)

    def take(self, result, files):
        for kind, (name, data) in files.items():
            path = self.part / self.folder(kind) / name
            path.write_bytes(data)
            result[kind] = str(path)
        print(json.dumps(result), file=self.results, flush=True)


def lost(name, url, why):
    """The result of a drive that no process could finish."""
    nothing = ["latency_p99_ms", "peak_memory_mb", "comparison", "summary", "made", "log", "frames"]
    some = {"drive": name, "path": url, "status": "bad_input", "error": why, "mode": "", "seconds": 0.0, "changed": [], "criteria": []}
    return some | {field: None for field in nothing}


def run(options):
    drives = list_drives(options.drives)
    options.output.mkdir(parents=True, exist_ok=True)
    home = Home(options.output, drives)
    files = {kind: path.read_bytes() for kind, path in [("criteria", options.criteria), ("config", options.config)] if path}
    files = ray.put(files)
    more = (["--update"] if options.update else []) + [f"--set={change}" for change in options.set] + [option.lstrip("=") for option in options.option]
    program = options.chauffeur.resolve()
    job = {"chauffeur": str(program), "binary_sha256": digest(program), "options": more, "update": options.update, "keep_logs": options.keep_logs}
    waiting = [(name, url, 1) for name, url in reversed(drives)]
    running = {}
    room = max(1, int(AHEAD * ray.cluster_resources().get("CPU", 1) / options.cores))
    while waiting or running:
        while waiting and len(running) < room:
            name, url, attempt = waiting.pop()
            known = {path.name: path.read_bytes() for path in options.against.glob(f"{name}.*.jsonl")}
            task = check_one.options(num_cpus=options.cores).remote(name, url, known, files, job)
            running[task] = (name, url, attempt)
        [task], _ = ray.wait(list(running))
        name, url, attempt = running.pop(task)
        try:
            found = ray.get(task)
        except ray.exceptions.RayTaskError as error:
            sys.exit(f"{name}: {error.cause}")
        except ray.exceptions.RayError as error:
            found = {"invocation": {"drive": name, "command": None, "exit": None, "error": f"{type(error).__name__}: the worker was lost"}}
        home.note(found["invocation"] | {"attempt": attempt})
        if "result" in found:
            for file, text in found["references"].items():
                options.against.mkdir(parents=True, exist_ok=True)
                (options.against / file).write_bytes(text)
            home.take(found["result"], found["files"])
        elif attempt < options.attempts:
            waiting.append((name, url, attempt + 1))
        else:
            home.take(lost(name, url, f"no result in {attempt} attempts: {found['invocation']['error']}"), {})
    command = [program, "check-merge", home.part, "--output", options.output]
    return subprocess.run(command, stdin=subprocess.DEVNULL).returncode


def main():
    options = arguments()
    # Workers find the module of this folder.
    paths = {"env_vars": {"PYTHONPATH": str(Path(__file__).resolve().parent)}}
    quiet = {"log_to_driver": False, "logging_level": "warning", "include_dashboard": False}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if options.local_nodes:
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        for _ in range(options.local_nodes - 1):
            cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        options.address = cluster.address
    ray.init(options.address, runtime_env=paths, **{key: quiet[key] for key in ["log_to_driver", "logging_level"]})
    try:
        code = run(options)
    finally:
        ray.shutdown()
        if options.local_nodes:
            cluster.shutdown()
    sys.exit(code)


if __name__ == "__main__":
    main()
