"""Makes simulated sweeps and pictures vary more than the simulator does: what is trained on must contain the real world somewhere.

A sweep is a dictionary: points f32 [P, 3] in base_link, ring [P], owner [P] (row of its box or -1), boxes f32 [B, 9], origin [3].
"""

import numpy as np

import drives
import geometry


def _select(sweep, keep):
    for name in ("points", "ring", "owner"):
        sweep[name] = sweep[name][keep]


def _directions(points, origin):
    """Azimuth, slope and horizontal range seen from the sensor."""
    d = points - origin
    reach = np.hypot(d[:, 0], d[:, 1]) + 1e-6
    return np.arctan2(d[:, 1], d[:, 0]), d[:, 2] / reach, reach


def thin(sweep, rng):
    """A poorer sensor: fewer beams, fewer echoes, less reach, a hidden sector."""
    keep = np.ones(len(sweep["points"]), bool)
    ring = sweep["ring"]
    draw = rng.random()
    if draw < 0.15:
        keep &= ring % 2 == rng.integers(2)
    elif draw < 0.4:
        keep &= (rng.random(256) > rng.uniform(0.0, 0.15))[ring]
    if rng.random() < 0.6:
        keep &= rng.random(len(keep)) < rng.uniform(0.65, 1.0)
    reach = np.hypot(sweep["points"][:, 0], sweep["points"][:, 1])
    if rng.random() < 0.3:
        start = rng.uniform(10, 45)
        keep &= rng.random(len(keep)) < np.clip(1 - (reach - start) / rng.uniform(20, 60), 0.0, 1.0)
    if rng.random() < 0.1:
        azimuth = np.arctan2(sweep["points"][:, 1], sweep["points"][:, 0])
        keep &= (azimuth - rng.uniform(0, 2 * np.pi)) % (2 * np.pi) > rng.uniform(0.05, 0.6)
    _select(sweep, keep)


def wear(sweep, rng):
    """Objects that return only some of their echoes: dark paint, glass, a bush before them."""
    owner = sweep["owner"]
    count = len(sweep["boxes"])
    share = np.where(rng.random(count) < 0.25, rng.uniform(0.2, 0.8, count), 1.0)
    keep = (owner < 0) | (rng.random(len(owner)) < np.append(share, 1.0)[owner])
    for row in np.flatnonzero(rng.random(count) < 0.1):
        box = sweep["boxes"][row]
        mine = np.flatnonzero(owner == row)
        angle = rng.uniform(0, 2 * np.pi)
        along = (sweep["points"][mine, 0] - box[0]) * np.cos(angle) + (sweep["points"][mine, 1] - box[1]) * np.sin(angle)
        keep[mine[along > rng.uniform(0.0, 0.4) * box[4]]] = False
    _select(sweep, keep)


def cut_out(sweep, row):
    """One object with its points, to be pasted elsewhere."""
    mine = sweep["owner"] == row
    return {
        "points": sweep["points"][mine].copy(),
        "ring": sweep["ring"][mine].copy(),
        "box": sweep["boxes"][row].copy(),
        "origin": sweep["origin"],
    }


def turn(points, angle):
    sin, cos = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    out = points.copy()
    out[:, 0], out[:, 1] = cos * points[:, 0] - sin * points[:, 1], sin * points[:, 0] + cos * points[:, 1]
    return out


BINS = 1440


def paste(sweep, item, rng):
    """Puts an object of another sweep at its own range under another azimuth, so that its echoes stay as the sensor saw them.

    What is nearer hides it, it hides what is behind it. Gives whether there was room.
    """
    origin = sweep["origin"]
    angle = rng.uniform(-np.pi, np.pi)
    points = turn(item["points"] - item["origin"], angle) + origin
    box = item["box"].copy()
    place = turn((box[None, :3] - item["origin"]), angle)[0] + origin
    box[:3], box[6] = place, box[6] + angle
    # It stands on the ground where it lands.
    near = np.hypot(sweep["points"][:, 0] - box[0], sweep["points"][:, 1] - box[1]) < 3.0
    if near.sum() < 10:
        return False
    lift = np.float32(np.percentile(sweep["points"][near, 2], 10) - (box[2] - 0.5 * box[5]))
    if abs(lift) > 0.6:
        return False
    points[:, 2] += lift
    box[2] += lift
    flat = [0, 1, 3, 4, 6]
    roomy = box[None, flat] + np.array([[0, 0, 0.4, 0.4, 0]], np.float32)
    if len(sweep["boxes"]) and geometry.iou_matrix(roomy, sweep["boxes"][:, flat]).max() > 0:
        return False
    if (drives.inside(sweep["points"], box, lift=0.3) & (sweep["owner"] < 0)).sum() > 3:
        return False
    azimuth, slope, reach = _directions(points, origin)
    column = ((azimuth / (2 * np.pi)) % 1.0 * BINS).astype(int) % BINS
    highest, lowest = np.full(BINS, -9.0), np.full(BINS, 9.0)
    np.maximum.at(highest, column, slope)
    np.minimum.at(lowest, column, slope)
    theirs_azimuth, theirs_slope, theirs_reach = _directions(sweep["points"], origin)
    there = ((theirs_azimuth / (2 * np.pi)) % 1.0 * BINS).astype(int) % BINS
    crossed = (theirs_slope < highest[there] + 0.004) & (theirs_slope > lowest[there] - 0.004)
    middle = np.float32(np.hypot(*(box[:2] - origin[:2])))
    hidden = crossed & (theirs_reach > middle - 0.5 * box[4])
    in_front = crossed & (theirs_reach < middle - 0.5 * box[3])
    # The columns in which something nearer crosses its height: it is hidden there.
    blocked = np.bincount(there[in_front], minlength=BINS) > 1
    seen = ~blocked[column]
    if seen.sum() < 5:
        return False
    _select(sweep, ~hidden)
    row = len(sweep["boxes"])
    sweep["boxes"] = np.concatenate([sweep["boxes"], box[None]])
    sweep["points"] = np.concatenate([sweep["points"], points[seen].astype(np.float32)])
    sweep["ring"] = np.concatenate([sweep["ring"], item["ring"][seen]])
    sweep["owner"] = np.concatenate([sweep["owner"], np.full(seen.sum(), row, sweep["owner"].dtype)])
    return True


def _bush(number, rng):
    shape = rng.normal(size=(number, 3))
    shape *= rng.uniform(0.75, 1.0, (number, 1)) / np.linalg.norm(shape, axis=1, keepdims=True)
    return shape * rng.uniform(0.2, 1.4, 3) + [0, 0, rng.uniform(0.1, 1.0)]


def _post(number, rng):
    """From a pole to a gate post or bin, which is as wide and as high as a person."""
    radius, height = rng.uniform(0.03, 0.35), rng.uniform(0.6, 3.5)
    around = rng.uniform(0, 2 * np.pi, number)
    return np.stack([radius * np.cos(around), radius * np.sin(around), rng.uniform(0, height, number)], 1)


def _strip(number, rng, length, height):
    """A board, wall or kerb."""
    angle, along = rng.uniform(0, np.pi), rng.uniform(-0.5, 0.5, number) * length
    return np.stack([along * np.cos(angle), along * np.sin(angle), rng.uniform(0, height, number)], 1)


def _thing(number, rng):
    draw = rng.random()
    if draw < 0.35:
        return _bush(number, rng)
    if draw < 0.65:
        return _post(number, rng)
    if draw < 0.85:
        return _strip(number, rng, rng.uniform(0.3, 4.0), rng.uniform(0.4, 2.0))
    return _strip(number, rng, rng.uniform(0.5, 8.0), rng.uniform(0.08, 0.35))


def clutter(sweep, rng):
    """Things without a name: bushes, posts, boards, kerbs; some of them right beside the car."""
    parts = []
    for _ in range(rng.integers(0, 13)):
        reach, azimuth = rng.uniform(1.5, 40), rng.uniform(-np.pi, np.pi)
        place = np.array([reach * np.cos(azimuth), reach * np.sin(azimuth)])
        number = int(np.clip(rng.uniform(200, 2500) / reach, 6, 300))
        shape = _thing(number, rng)
        points = shape + [*place, 0.0]
        points = points[points[:, 2] > 0.02]
        # The side that faces away returns nothing.
        points = points[np.hypot(points[:, 0], points[:, 1]) < reach + 0.3]
        boxes = sweep["boxes"]
        if len(points) and not (np.hypot(boxes[:, 0] - place[0], boxes[:, 1] - place[1]) < 0.5 * boxes[:, 3] + 1.2).any():
            parts.append(points.astype(np.float32))
    if parts:
        points = np.concatenate(parts)
        sweep["points"] = np.concatenate([sweep["points"], points])
        sweep["ring"] = np.concatenate([sweep["ring"], rng.integers(0, 64, len(points)).astype(sweep["ring"].dtype)])
        sweep["owner"] = np.concatenate([sweep["owner"], np.full(len(points), -1, sweep["owner"].dtype)])


def move(sweep, rng):
    """Another mounting and another world: turned, mirrored, tilted, raised, scaled; noisier ranges."""
    points, boxes = sweep["points"], sweep["boxes"]
    angle = rng.uniform(-np.pi, np.pi)
    points, center = turn(points, angle), turn(boxes[:, :3], angle)
    yaw = boxes[:, 6] + np.float32(angle)
    if rng.random() < 0.5:
        points[:, 1] *= -1
        center[:, 1] *= -1
        yaw = -yaw
    scale = np.float32(rng.uniform(0.95, 1.05))
    roll, pitch = np.radians(rng.uniform(-1.2, 1.2, 2)) if rng.random() < 0.6 else (0.0, 0.0)
    raised = np.float32(rng.uniform(-0.15, 0.15))
    slope = lambda at: (np.float32(np.sin(roll)) * at[:, 1] - np.float32(np.sin(pitch)) * at[:, 0]) + raised
    points *= scale
    center *= scale
    noise = np.float32(rng.uniform(0.0, 0.03) if rng.random() < 0.7 else 0.0)
    reach = np.linalg.norm(points, axis=1, keepdims=True) + np.float32(1e-3)
    points *= 1 + noise * rng.standard_normal((len(points), 1), np.float32) / reach
    points[:, 2] += slope(points)
    center[:, 2] += slope(center)
    sweep["points"] = points
    sweep["boxes"] = np.concatenate([center, boxes[:, 3:6] * scale, yaw[:, None], boxes[:, 7:]], 1).astype(np.float32)


def sweep(sample, bank, rng):
    """All of the above, in place. `bank` gives objects of other sweeps. The boxes' points are counted anew."""
    before = np.bincount(sample["owner"][sample["owner"] >= 0], minlength=len(sample["boxes"])).astype(np.float32)
    for item in bank:
        if paste(sample, item, rng):
            before = np.append(before, np.float32(len(item["points"])))
    wear(sample, rng)
    thin(sample, rng)
    if rng.random() < 0.6:
        clutter(sample, rng)
    move(sample, rng)
    after = np.bincount(sample["owner"][sample["owner"] >= 0], minlength=len(sample["boxes"]))
    boxes = sample["boxes"]
    boxes[:, 8] = np.minimum(boxes[:, 8] * after / np.maximum(before, 1), after)
    return sample


def _resample(image, top, left, height, width, size):
    """A part of a picture at another size, nearest for shrinking less than twice; outside it is grey."""
    rows = np.floor(top + (np.arange(size[0]) + 0.5) * height / size[0]).astype(int)
    columns = np.floor(left + (np.arange(size[1]) + 0.5) * width / size[1]).astype(int)
    out = image[np.clip(rows, 0, image.shape[0] - 1)][:, np.clip(columns, 0, image.shape[1] - 1)]
    out[(rows < 0) | (rows >= image.shape[0])] = 114
    out[:, (columns < 0) | (columns >= image.shape[1])] = 114
    return out


# A part of this is the noise of a picture: drawing it anew costs more than all else.
NOISE = np.random.default_rng(11).standard_normal((640, 1000, 3), np.float32)
GAMMA_STEPS = 1023


def _colours(image, rng):
    """Saturation, contrast, brightness and tint, which are one linear map, then gamma."""
    saturation, contrast, brightness = rng.uniform(0.0, 1.6), rng.uniform(0.6, 1.4), rng.uniform(0.6, 1.4)
    tint, mean = rng.uniform(0.85, 1.15, 3), image[::8, ::8].mean()
    own = (contrast * saturation * tint).astype(np.float32)
    shared = (contrast * (1 - saturation) / 3 * tint).astype(np.float32)
    offset = (tint * mean * (brightness - contrast)).astype(np.float32)
    grey = image[..., 0] + image[..., 1] + image[..., 2]
    out = image * own + (grey[..., None] * shared + offset)
    curve = np.linspace(0, 1, GAMMA_STEPS + 1, dtype=np.float32) ** np.float32(rng.uniform(0.7, 1.4))
    return curve[(np.clip(out, 0, 1) * GAMMA_STEPS).astype(np.int16)].reshape(image.shape)


def _corner(shape, areas, part, rng):
    """Top left of a part of a picture, px: mostly one that shows an object, the rare classes first."""
    able = np.flatnonzero((areas[:, 5] >= 0.3) & (areas[:, 3] - areas[:, 1] >= 12))
    room = [(min(0, shape[axis] - part[axis]), max(0, shape[axis] - part[axis])) for axis in (0, 1)]
    if len(able) == 0 or rng.random() < 0.15:
        return [rng.uniform(*limits) for limits in room]
    weight = np.array([1.0, 4.0, 2.0, 3.0, 1.0])[areas[able, 4].astype(int)]
    left, top, right, bottom = areas[rng.choice(able, p=weight / weight.sum()), :4]
    middle = (0.5 * (top + bottom), 0.5 * (left + right))
    return [np.clip(middle[axis] - rng.uniform(0.15, 0.85) * part[axis], *room[axis]) for axis in (0, 1)]


def picture(image, areas, size, scale, rng):
    """Part, scale, mirror, colours, blur, noise, holes. Gives f32 [3, h, w] 0..1 and the areas in its pixels.

    `scale`: pixels of the image in one of the network's, before they are varied.
    """
    scale *= rng.uniform(0.6, 1.15)
    height, width = size[0] * scale, size[1] * scale
    # Without the padding of the letterbox.
    rows, columns = (image[:, ::8] != 114).any((1, 2)), (image[::8] != 114).any((0, 2))
    image = image[: np.flatnonzero(rows)[-1] + 1, : np.flatnonzero(columns)[-1] + 1]
    top, left = _corner(image.shape, areas, (height, width), rng)
    out = _resample(image, top, left, height, width, size).astype(np.float32) / 255
    areas = areas.copy()
    full = (areas[:, 2] - areas[:, 0]) * (areas[:, 3] - areas[:, 1])
    areas[:, [0, 2]] = np.clip((areas[:, [0, 2]] - left), 0, width) * size[1] / width
    areas[:, [1, 3]] = np.clip((areas[:, [1, 3]] - top), 0, height) * size[0] / height
    remains = (areas[:, 2] - areas[:, 0]) * (areas[:, 3] - areas[:, 1]) / np.maximum(full * (size[0] / height) ** 2, 1e-6)
    areas[:, 5] *= np.where(remains < 0.25, 0.0, 1.0)
    areas = areas[remains > 0.02]
    if rng.random() < 0.5:
        out = out[:, ::-1]
        areas[:, [0, 2]] = size[1] - areas[:, [2, 0]]
    if rng.random() < 0.8:
        out = _colours(out, rng)
    if rng.random() < 0.3:
        out = (out + np.roll(out, 1, 0) + np.roll(out, 1, 1) + np.roll(out, (1, 1), (0, 1))) * np.float32(0.25)
    if rng.random() < 0.4:
        row, column = rng.integers(NOISE.shape[0] - size[0] + 1), rng.integers(NOISE.shape[1] - size[1] + 1)
        out = out + np.float32(rng.uniform(0.0, 0.06)) * NOISE[row : row + size[0], column : column + size[1]]
    if rng.random() < 0.3:
        for _ in range(rng.integers(1, 5)):
            y, x = rng.integers(size[0]), rng.integers(size[1])
            h, w = rng.integers(8, 50, 2)
            out[y : y + h, x : x + w] = rng.random(3, np.float32)
    return np.ascontiguousarray(np.clip(out, 0, 1).transpose(2, 0, 1)), areas
