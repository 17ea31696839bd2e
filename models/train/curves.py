"""Draws the parts of the loss over the steps, for the model card.

    curves.py RUN/curve.csv [NEXT/curve.csv ..] --output curves-pillars.svg

Runs that went on from each other are drawn one behind the other.
"""

import argparse
import csv

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "curves"


def main():
    from matplotlib import pyplot

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("curves", nargs="+")
    arguments.add_argument("--output", required=True)
    a = arguments.parse_args()
    rows = []
    for curve in a.curves:
        before = int(rows[-1]["step"]) if rows else 0
        with open(curve) as stream:
            rows += [{**row, "step": before + int(row["step"])} for row in csv.DictReader(stream)]
    figure, axes = pyplot.subplots(figsize=(6, 3))
    for name in rows[0]:
        if name not in ("step", "seconds", "loss"):
            axes.plot([row["step"] for row in rows], [float(row[name]) for row in rows], label=name)
    axes.set_xlabel("step")
    axes.set_ylim(0, 2)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, ncols=3)
    figure.tight_layout()
    figure.savefig(a.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
