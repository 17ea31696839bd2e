"""Drives over two nodes with a worker killed in the middle: each result once, and the same as one `chauffeur check` gives.

    python scale/test_check_on_ray.py target/release/chauffeur [DRIVES]
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEASURED = ["seconds", "latency_p99_ms", "peak_memory_mb", "log", "frames", "criteria"]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def bare(results):
    """Without what is measured, and where it lies."""
    return sorted(({key: value for key, value in one.items() if key not in MEASURED} for one in results), key=lambda one: one["drive"])


def kill_one_worker(done, said):
    """Kills the first worker that is found at work once some results are there."""
    while not said.is_set():
        for process in Path("/proc").glob("[0-9]*"):
            try:
                title = (process / "cmdline").read_text()
                # Only of this test: other clusters of this machine are none of its business.
                ours = str(done.parent) in title or str(done.parent) in (process / "environ").read_text(errors="replace")
                if ours and title.startswith("ray::check_one") and done.exists() and len(done.read_text().splitlines()) > 2:
                    os.kill(int(process.name), signal.SIGKILL)
                    said.set()
                    return
            except (OSError, ValueError):
                continue
        time.sleep(0.002)


def main():
    program, count = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 12
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        drives, references, one, many = (folder / name for name in ["drives", "references", "one", "many"])
        drives.mkdir()
        for seed in range(count):
            make = [program, "simulate", "urban", "--seed", str(seed), "--truth", "--duration", "2", "--output", drives / f"{seed:04}.mcap"]
            subprocess.run(make, check=False, capture_output=True)
        check = [program, "check", drives, "--against", references, "--output", one]
        subprocess.run([*check, "--update"], check=True, capture_output=True)
        # A half drive: what is broken is a result, too, and is not tried again.
        whole = (drives / "0001.mcap").read_bytes()
        (drives / "0001.mcap").write_bytes(whole[: len(whole) // 2])
        subprocess.run(check, check=False, capture_output=True)
        ray = [sys.executable, HERE / "check_on_ray.py", drives, "--against", references, "--output", many, "--chauffeur", program]
        said = threading.Event()
        killer = threading.Thread(target=kill_one_worker, args=(many / "part" / "results.jsonl", said))
        killer.start()
        begin = time.monotonic()
        environment = {**os.environ, "CHAUFFEUR_RUN": str(many / "part")}
        done = subprocess.run([*ray, "--local-nodes", "2"], capture_output=True, text=True, env=environment)
        seconds, killed = time.monotonic() - begin, said.is_set()
        said.set()
        killer.join()
        assert done.returncode == 2, done.stdout + done.stderr
        found = lines(many / "results.jsonl")
        assert [result["drive"] for result in found] == [f"{seed:04}" for seed in range(count)], "each once, in order"
        assert bare(found) == bare(lines(one / "results.jsonl"))
        runs = lines(many / "invocations.jsonl")
        lost = [run for run in runs if "error" in run]
        assert killed and len(lost) == 1 and len(runs) == count + 1, [run for run in runs if "error" in run]
        assert any(run["drive"] == lost[0]["drive"] and run["attempt"] == 2 for run in runs)
        nodes = {run["node"] for run in runs if "node" in run}
        print(f"{count} drives on {len(nodes)} nodes in {seconds:.0f} s, a worker killed at {lost[0]['drive']}: each result once, as one check gives")
        assert len(nodes) == 2


if __name__ == "__main__":
    main()
