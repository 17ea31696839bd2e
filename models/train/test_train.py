"""Tests of the training code; they need no simulator: a small world of cuboids stands in for it.

    python test_train.py
"""

import json
import tempfile
import unittest
from pathlib import Path

import numpy as np
import torch

import augment
import camera
import data
import drives
import evaluate
import export
import geometry
import pillars
import train
from blocks import unfold_batch_norm

SIZES = [(4.3, 1.8, 1.5), (8.5, 2.5, 3.2), (0.6, 0.6, 1.7), (1.8, 0.6, 1.7)]
ORIGIN = np.array([0.8, 0.0, 1.7])


def cuboid_world(rng, beams=48, columns=700):
    """Points, ring and boxes of a flat world of cuboids, by ray casting."""
    boxes = []
    for _ in range(40):
        kind = rng.integers(4)
        length, width, height = np.array(SIZES[kind]) * rng.uniform(0.9, 1.1, 3)
        x, y = rng.uniform(-38, 38, 2)
        others = np.array(boxes).reshape(-1, 9)
        if np.hypot(x, y) > 4 and not (np.hypot(others[:, 0] - x, others[:, 1] - y) < 6).any():
            boxes.append([x, y, 0.5 * height, length, width, height, rng.uniform(-np.pi, np.pi), kind, 0])
    boxes = np.array(boxes, np.float32)
    azimuth = np.linspace(np.pi, -np.pi, columns, endpoint=False)
    slope = np.tan(np.radians(np.linspace(-24, 2, beams)))
    ray = np.stack(np.broadcast_arrays(np.cos(azimuth)[:, None], np.sin(azimuth)[:, None], slope), 2).reshape(-1, 3)
    reach = np.where(ray[:, 2] < 0, ORIGIN[2] / np.maximum(-ray[:, 2], 1e-9), np.inf)
    owner = np.full(len(ray), -1)
    for row, (x, y, z, length, width, height, yaw, _, _) in enumerate(boxes):
        turned = augment.turn(ray, -yaw)
        start = augment.turn((ORIGIN - [x, y, z])[None], -yaw)[0]
        half = np.array([length, width, height]) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = np.sort([(-half - start) / turned, (half - start) / turned], 0)
        near, far = near.max(1), far.min(1)
        hit = (near < far) & (near > 0) & (near < reach)
        reach, owner = np.where(hit, near, reach), np.where(hit, row, owner)
    seen = reach < 55
    points = (ORIGIN + ray * reach[:, None])[seen] + rng.normal(0, 0.01, (seen.sum(), 3))
    ring = np.tile(np.arange(beams), columns)[seen]
    boxes[:, 8] = np.bincount(owner[owner >= 0], minlength=len(boxes))
    return points.astype(np.float32), ring.astype(np.uint8), owner[seen].astype(np.int16), boxes


def write_drive(folder, seed, frames):
    """A drive of cuboid worlds, as `drives.convert` writes it."""
    rng = np.random.default_rng(seed)
    parts = [cuboid_world(rng) for _ in range(frames)]
    folder.mkdir(parents=True)
    for number, name in enumerate(["points", "ring", "owner", "boxes"]):
        values = np.concatenate([part[number] for part in parts])
        np.save(folder / f"{name}.npy", np.round(values / drives.STEP_M).astype(np.int16) if name == "points" else values)
    offsets = lambda number: np.cumsum([0] + [len(part[number]) for part in parts]).tolist()
    index = {"origin": ORIGIN.tolist(), "points": offsets(0), "boxes": offsets(3), "areas": None}
    (folder / "index.json").write_text(json.dumps(index))


class Geometry(unittest.TestCase):
    def test_overlap_of_turned_boxes(self):
        a = np.array([[0, 0, 4, 2, 0.0], [0, 0, 2, 2, 0.0], [0, 0, 2, 2, 0.0], [5, 5, 1, 1, 0.3]])
        b = np.array([[0, 0, 4, 2, np.pi], [1, 0, 2, 2, 0.0], [0, 0, 2, 2, np.pi / 4], [9, 9, 1, 1, 0.3]])
        octagon = 8 * (np.sqrt(2) - 1)
        expected = [1.0, 2 / 6, octagon / (8 - octagon), 0.0]
        np.testing.assert_allclose(geometry.paired_iou(torch.from_numpy(a), torch.from_numpy(b)), expected, atol=1e-9)

    def test_overlap_against_counting(self):
        rng = np.random.default_rng(1)
        draw = lambda: np.stack([*rng.normal(0, 1, (2, 20)), *rng.uniform(0.5, 5, (2, 20)), rng.uniform(-4, 4, 20)], 1)
        a, b = torch.from_numpy(draw()), torch.from_numpy(draw())
        grid = torch.from_numpy(np.stack(np.meshgrid(*[np.linspace(-6, 6, 300)] * 2), -1).reshape(1, -1, 2))
        for row, iou in enumerate(geometry.paired_iou(a, b)):
            one, two = (geometry._within(grid, c[row : row + 1])[0] for c in (a, b))
            self.assertAlmostEqual(float((one & two).sum() / (one | two).sum()), float(iou), delta=0.01)

    def test_the_better_box_stays(self):
        boxes = np.array([[0, 0, 4, 2, 0], [0.2, 0, 4, 2, 0.1], [10, 0, 4, 2, 0]], float)
        self.assertEqual(geometry.suppress(boxes, 0.2).tolist(), [0, 2])


class Features(unittest.TestCase):
    def test_against_a_plain_loop(self):
        rng = np.random.default_rng(2)
        points = rng.uniform([-45, -45, -2], [45, 45, 4], (20000, 3)).astype(np.float32)
        points[:8000, :2] *= 0.1
        cells = {}
        for x, y, z in points:
            row = int(np.floor((x + np.float32(41.6)) / np.float32(0.2)))
            column = int(np.floor((y + np.float32(41.6)) / np.float32(0.2)))
            own = -1.2 < x < 3.8 and abs(y) < 1.0
            if -1.0 <= z <= 3.4 and 0 <= row < 416 and 0 <= column < 416 and not own:
                cells.setdefault((row, column), []).append(z)
        grid = pillars.features(points)
        self.assertEqual(int((grid[3] > 0).sum()), len(cells))
        for (row, column), heights in cells.items():
            total = np.float32(0)
            for z in heights:
                total += z
            mean = total / np.float32(len(heights)) / 2
            expected = [max(heights) / 2, min(heights) / 2, mean, np.log1p(np.float32(len(heights))) / 4]
            np.testing.assert_allclose(grid[:4, row, column], expected, atol=1e-6)
            level = [any(a <= z < b for z in heights) for a, b in zip(pillars.SLICES_M, pillars.SLICES_M[1:])]
            self.assertEqual((grid[4:, row, column] > 0).tolist(), level)


class Targets(unittest.TestCase):
    def test_boxes_come_back_from_their_targets(self):
        _, _, _, boxes = cuboid_world(np.random.default_rng(3))
        boxes = boxes[(boxes[:, 8] >= pillars.MIN_POINTS) & (np.abs(boxes[:, :2]) < 41).all(1)]
        heatmap, weight, positives = pillars.targets(boxes)
        where = np.zeros((8, pillars.OUT, pillars.OUT))
        for p in positives:
            where[:, int(p[0]), int(p[1])] = p[4:12]
        found = pillars.decode(heatmap, where, np.ones((1, pillars.OUT, pillars.OUT)), threshold=0.99)
        self.assertEqual(len(found), len(boxes))
        iou = geometry.iou_matrix(found[:, [0, 1, 3, 4, 6]], boxes[:, [0, 1, 3, 4, 6]])
        self.assertGreater(iou.max(0).min(), 0.999)
        self.assertTrue((found[:, 7] == boxes[iou.argmax(1), 7]).all())

    def test_windows_are_parts_of_the_whole(self):
        _, _, _, boxes = cuboid_world(np.random.default_rng(4))
        whole, part = pillars.targets(boxes)[0], pillars.targets(boxes, 40, 60, 104)[0]
        np.testing.assert_allclose(whole[:, 40:144, 60:164], part, atol=1e-5)

    def test_camera_boxes_come_back(self):
        areas = np.array([[100, 80, 160, 120, 0, 1], [300, 50, 330, 140, 2, 1], [20, 20, 300, 250, 1, 1], [400, 90, 409, 99, 0, 1]], np.float32)
        kind, sides = camera.targets(areas)
        scores = np.zeros((len(kind), camera.CLASSES))
        scores[kind >= 0, kind[kind >= 0]] = 1.0
        found = camera.decode(scores, sides)
        self.assertEqual(len(found), 4)
        np.testing.assert_allclose(camera.overlap(found, areas).max(0), 1.0, atol=1e-4)

    def test_hidden_things_are_ignored(self):
        kind, _ = camera.targets(np.array([[100, 80, 160, 120, 0, 0.1]], np.float32))
        self.assertEqual(set(np.unique(kind)), {-2, -1})
        box = np.array([[10, 5, 0.8, 4, 2, 1.5, 0.3, 0, 2]], np.float32)
        heatmap, weight, positives = pillars.targets(box)
        self.assertEqual((heatmap.max(), len(positives)), (0.0, 0))
        self.assertEqual(weight[int(51.6 / 0.4), int(46.6 / 0.4)], 0.0)


class Augmentation(unittest.TestCase):
    def test_points_stay_in_their_boxes(self):
        rng = np.random.default_rng(5)
        worlds = [cuboid_world(rng) for _ in range(3)]
        names = ["points", "ring", "owner", "boxes"]
        samples = [{**dict(zip(names, world)), "origin": ORIGIN.astype(np.float32)} for world in worlds]
        bank = [augment.cut_out(samples[0], row) for row in range(8)]
        for sample in samples[1:]:
            before = len(sample["boxes"])
            augment.sweep(sample, bank, rng)
            self.assertGreaterEqual(len(sample["boxes"]), before)
            for row, box in enumerate(sample["boxes"]):
                mine = sample["points"][sample["owner"] == row]
                self.assertGreaterEqual(len(mine) + 1e-3, box[8])
                if len(mine):
                    self.assertGreater(drives.inside(mine, box, margin=0.25, lift=-0.3).mean(), 0.95)


class Precision(unittest.TestCase):
    def test_r40(self):
        perfect = [(0.9, 1), (0.8, 1)]
        self.assertEqual(evaluate.average_precision(perfect, 2)[0], 100.0)
        self.assertEqual(evaluate.average_precision(perfect, 4)[0], 50.0)
        self.assertAlmostEqual(evaluate.average_precision([(0.9, 1), (0.8, 0), (0.7, 1)], 2)[0], 50 + 50 * 2 / 3)


class Training(unittest.TestCase):
    def test_learns_exports_and_goes_on(self):
        with tempfile.TemporaryDirectory() as place:
            place = Path(place)
            write_drive(place / "data" / "cuboids-1", 1, 4)
            torch.set_num_threads(2)
            steps = 24
            path = train.train("pillars", place / "data", place / "run", steps, 4, 3e-3, workers=0)
            path = train.train("pillars", place / "data", place / "run", steps + 2, 4, 3e-3, workers=0)
            self.assertEqual(export.weights(path)[2], steps + 2)
            rows = (place / "run" / "curve.csv").read_text().splitlines()
            facts = export.export([path], place / "pillars.onnx")
            shape = [1, 4, 208, 208]
            self.assertEqual(facts["outputs"]["heatmap"], shape)
            self.assertGreaterEqual(len(rows), 2)
            table = evaluate.lidar(export.session(place / "pillars.onnx"), place / "data")
            self.assertGreater(table["car@0.5"]["labels"], 10)
            path = train.train("pillars", place / "data", place / "next", 2, 4, 1e-3, workers=0, start=place / "pillars.onnx")
            self.assertEqual(export.weights(path)[2], 2)
            both = export.export([place / "run" / "checkpoint.pt", path], place / "mean.onnx")
            self.assertEqual(both["steps"], steps + 4)

    def test_camera_exports_and_starts_from_there(self):
        with tempfile.TemporaryDirectory() as place:
            network = train.build("camera")
            # As training does: the export keeps one copy of equal tensors.
            for name, value in network.named_parameters():
                torch.nn.init.normal_(value, std=0.1) if name.endswith(".bias") else None
            state = {"task": "camera", "average": network.state_dict(), "step": 0}
            torch.save(state, Path(place) / "checkpoint.pt")
            facts = export.export([Path(place) / "checkpoint.pt"], Path(place) / "camera.onnx")
            self.assertEqual(facts["outputs"], {"scores": [1, 4620, 5], "boxes": [1, 4620, 4]})
            torch.manual_seed(9)
            other = train.TASKS["camera"][0]()
            picture = torch.rand(2, 3, *camera.SIZE)
            unfold_batch_norm(other, train.folded(Path(place) / "camera.onnx"), picture)
            with torch.no_grad():
                expected, found = network.eval()(picture), other.train()(picture)
            for e, f in zip(expected, found):
                torch.testing.assert_close(e, f, rtol=1e-3, atol=1e-3)


if __name__ == "__main__":
    unittest.main()
