"""Average precision (40 recall positions, KITTI's R40) of an exported network on held-back seeds.

    evaluate.py ../networks/pillars.onnx --data DATA/held-back
    evaluate.py ../networks/camera.onnx --data DATA/held-back

Lidar: overlap seen from above, boxes within 40 m of the rear axle with at least 10 points, as `chauffeur bench detection` counts.
Camera: gates of height and of what is visible, after KITTI's difficulties (Geiger et al., 2012); heights in pixels of a picture 540 px
high. What is less is neither wanted nor wrong.
"""

import argparse
import json

import numpy as np

import camera
import drives
import export
import geometry
import pillars

RANGE_M = 40.0
MIN_POINTS = 10
# Class, gates, names of the classes that count.
LIDAR_ROWS = [("car", (0.5, 0.7), (0,)), ("truck", (0.5,), (1,)), ("vehicle", (0.5, 0.7), (0, 1))]
LIDAR_ROWS += [("pedestrian", (0.25, 0.5), (2,)), ("cyclist", (0.25, 0.5), (3,))]
# Difficulty of a camera box: least height in px, least visible share.
PICTURE_PX = 540
DIFFICULTIES = {"easy": (40, 0.85), "moderate": (25, 0.5), "hard": (15, 0.3)}
CAMERA_GATE = 0.5


def average_precision(rows, wanted):
    """R40 of (score, hit) rows, in percent; precision and recall at the best F1."""
    if not rows or not wanted:
        return 0.0, 0.0, 0.0, 0.0
    order = np.argsort([-row[0] for row in rows], kind="stable")
    hit = np.cumsum(np.array([row[1] for row in rows])[order])
    precision, recall = hit / np.arange(1, len(hit) + 1), hit / wanted
    levels = np.arange(1, 41) / 40
    value = np.mean([precision[recall >= level - 1e-9].max(initial=0.0) for level in levels])
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-9)
    best = int(f1.argmax())
    return 100 * value, precision[best], recall[best], np.array([row[0] for row in rows])[order][best]


def match(found, iou_of, gate, counted, neutral):
    """Greedy matching in falling score: rows (score, hit) of what is not neutral."""
    taken, rows = np.zeros(len(counted), bool), []
    for number, score in enumerate(found):
        iou = np.where(counted & ~taken, iou_of[number], 0.0)
        if len(iou) and iou.max() >= gate:
            taken[iou.argmax()] = True
            rows.append((score, 1))
        elif not (len(iou) and (iou_of[number][neutral] >= min(gate, 0.25)).any()):
            rows.append((score, 0))
    return rows


def lidar_frames(run, folder, mix, every=1):
    """(found [N, 9], boxes [M, 9]) of every frame."""
    for drive in drives.load(folder):
        for frame in range(0, len(drive), every):
            points, _, _, boxes = drive.sweep(frame)
            heatmap, where, overlap = run.run(None, {"pillars": pillars.features(points)[None]})
            yield pillars.decode(heatmap[0], where[0], overlap[0], mix=mix), boxes


def lidar(run, folder, mix=0.5, every=1):
    results = [(name, gate, kinds, []) for name, gates, kinds in LIDAR_ROWS for gate in gates]
    wanted = [0] * len(results)
    flat = [0, 1, 3, 4, 6]
    for found, boxes in lidar_frames(run, folder, mix, every):
        near = lambda rows: np.hypot(rows[:, 0], rows[:, 1]) <= RANGE_M
        found = found[near(found)]
        iou = geometry.iou_matrix(found[:, flat], boxes[:, flat])
        for number, (name, gate, kinds, rows) in enumerate(results):
            mine = np.isin(boxes[:, 7], kinds)
            counted = mine & near(boxes) & (boxes[:, 8] >= MIN_POINTS)
            neutral = (mine & ~counted) | (boxes[:, 7] < 0)
            chosen = np.isin(found[:, 7], kinds)
            rows += match(found[chosen, 8], iou[chosen], gate, counted, neutral)
            wanted[number] += int(counted.sum())
    table = {}
    for count, (name, gate, _, rows) in zip(wanted, results):
        value, precision, recall, score = average_precision(rows, count)
        table[f"{name}@{gate}"] = {"labels": count, "AP": value, "precision": precision, "recall": recall, "score": score}
    return table


def camera_areas(areas, scale):
    areas = areas.copy()
    areas[:, :4] *= scale
    areas[:, [0, 2]] = np.clip(areas[:, [0, 2]], 0, camera.SIZE[1])
    areas[:, [1, 3]] = np.clip(areas[:, [1, 3]], 0, camera.SIZE[0])
    return areas


def picture_input(image):
    """The cached picture as the network's input [1, 3, h, w], letterboxed at the top left, and the scale."""
    from PIL import Image

    canvas, scale = drives.letterbox(Image.fromarray(image), (camera.SIZE[1], camera.SIZE[0]))
    return np.ascontiguousarray((canvas.astype(np.float32) / 255).transpose(2, 0, 1)[None]), scale


def pictures(run, folder, every=1):
    rows = {(name, level): [] for level in DIFFICULTIES for name in drives.CAMERA_CLASSES}
    wanted = dict.fromkeys(rows, 0)
    for drive in drives.load(folder):
        if drive.images is None:
            continue
        for frame in range(0, len(drive), every):
            image, areas = drive.picture(frame)
            input, scale = picture_input(image)
            areas = camera_areas(areas, scale)
            scores, sides = run.run(None, {"image": input})
            found = camera.decode(scores[0], sides[0], threshold=0.02)
            iou = camera.overlap(found[:, :4], areas[:, :4])
            for level, (height, visible) in DIFFICULTIES.items():
                least = height * scale * image.shape[0] / PICTURE_PX
                good = (areas[:, 5] >= visible) & (areas[:, 3] - areas[:, 1] >= least)
                # A box that is too low to count is no mistake, as KITTI has it.
                large = found[:, 3] - found[:, 1] >= least
                for index, name in enumerate(drives.CAMERA_CLASSES):
                    counted = good & (areas[:, 4] == index)
                    chosen = (found[:, 4] == index) & large
                    rows[name, level] += match(found[chosen, 5], iou[chosen], CAMERA_GATE, counted, ~good)
                    wanted[name, level] += int(counted.sum())
    table, numbers = {}, ["AP", "precision", "recall", "score"]
    for level in DIFFICULTIES:
        known = [name for name in drives.CAMERA_CLASSES if wanted[name, level]]
        for name in known:
            results = average_precision(rows[name, level], wanted[name, level])
            table[f"{name} {level}"] = {"labels": wanted[name, level], **dict(zip(numbers, results))}
        if known:
            parts = [table[f"{name} {level}"] for name in known]
            mean = {number: float(np.mean([part[number] for part in parts])) for number in numbers}
            table[f"mean {level}"] = {"labels": sum(part["labels"] for part in parts), **mean}
    return table


def show(table):
    print(f"{'class':16s} {'labels':>7s} {'AP':>7s} {'precision':>10s} {'recall':>7s} {'score':>6s}   (the last three at the best F1)")
    for name, row in table.items():
        print(f"{name:16s} {row['labels']:7d} {row['AP']:7.2f} {row['precision']:10.3f} {row['recall']:7.3f} {row['score']:6.2f}")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("network")
    arguments.add_argument("--data", required=True)
    arguments.add_argument("--mix", type=float, default=0.5, help="lidar: score = heatmap^(1 - mix) * overlap^mix")
    arguments.add_argument("--every", type=int, default=1, help="every n-th frame only")
    arguments.add_argument("--json", help="writes the table here too")
    a = arguments.parse_args()
    run = export.session(a.network)
    is_lidar = run.get_inputs()[0].name == "pillars"
    table = lidar(run, a.data, a.mix, a.every) if is_lidar else pictures(run, a.data, a.every)
    show(table)
    if a.json:
        with open(a.json, "w") as stream:
            json.dump(table, stream, indent=1)


if __name__ == "__main__":
    main()
