"""Drives of the simulated world as arrays on disk.

In:  MCAP files written by `chauffeur simulate` with the truth beside every frame.
Out: one folder a drive, arrays of all its frames that are mapped, never loaded as a whole:
     points.npy int16 [P, 3] in base_link, 2 mm; ring.npy uint8 [P]; owner.npy int16 [P], row of the frame's boxes or -1;
     boxes.npy float32 [B, 9]: x, y, z, length, width, height, yaw (base_link), class (`LIDAR_CLASSES`), points;
     images.npy uint8 [F, 360, 640, 3] (letterboxed, if the drive has a camera); areas.npy float32 [A, 6]: left, top, right, bottom
     in px of images.npy, class (`CAMERA_CLASSES`), visible share; index.json: offsets of the frames, sensor origin, seed.
"""

import io
import json
from pathlib import Path

import numpy as np
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory
from PIL import Image

LIDAR_CLASSES = ["car", "truck", "pedestrian", "cyclist"]
CAMERA_CLASSES = ["car", "truck", "pedestrian", "cyclist", "traffic light"]
# Names of `types::ObjectClass` that share a class of the networks.
SHARED = {"bus": "truck", "motorcycle": "cyclist"}
STEP_M = 0.002
REACH_M = 60.0
IMAGE_SIZE = (640, 360)
TURN_S = 0.1


def class_index(name, classes):
    name = SHARED.get(name, name)
    return classes.index(name) if name in classes else -1


def pose_matrix(pose):
    x, y, z, w = pose.qx, pose.qy, pose.qz, pose.qw
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix[:3, 3] = pose.x, pose.y, pose.z
    return matrix


# Numbers of foxglove.PackedElementField.NumericType.
NUMERIC = {1: "u1", 2: "i1", 3: "<u2", 4: "<i2", 5: "<u4", 6: "<i4", 7: "<f4", 8: "<f8"}


def cloud_fields(cloud):
    """Columns of a foxglove.PointCloud by name."""
    dtype = np.dtype(
        {
            "names": [f.name for f in cloud.fields],
            "formats": [NUMERIC[f.type] for f in cloud.fields],
            "offsets": [f.offset for f in cloud.fields],
            "itemsize": cloud.point_stride,
        }
    )
    return np.frombuffer(cloud.data, dtype)


def inside(points, box, margin=0.0, lift=0.0):
    """Which points lie inside an upright box (x, y, z, length, width, height, yaw), `lift` above its floor."""
    x, y, z, length, width, height, yaw = box[:7]
    dx, dy, dz = points[:, 0] - x, points[:, 1] - y, points[:, 2] - z
    sin, cos = np.sin(yaw), np.cos(yaw)
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    return (
        (np.abs(along) <= 0.5 * length + margin)
        & (np.abs(across) <= 0.5 * width + margin)
        & (dz >= -0.5 * height + lift)
        & (dz <= 0.5 * height + margin)
    )


class Messages:
    """The messages of one frame, joined by their stamp."""

    def __init__(self):
        self.cloud = self.truth = self.image = self.ego = None


def frames(path):
    """Yields (calibration, Messages) of every frame that has a sweep and the truth."""
    calibration, waiting = None, {}
    with open(path, "rb") as stream:
        reader = make_reader(stream, decoder_factories=[DecoderFactory()])
        topics = ["/calibration", "/lidar/top/points", "/truth/objects", "/camera/front/image", "/ins/state"]
        for _, channel, message, decoded in reader.iter_decoded_messages(topics=topics, log_time_order=False):
            if channel.topic == "/calibration":
                calibration = decoded
                continue
            stamp = decoded.timestamp.seconds * 10**9 + decoded.timestamp.nanos
            entry = waiting.setdefault(stamp, Messages())
            slot = {"/lidar/top/points": "cloud", "/truth/objects": "truth", "/camera/front/image": "image"}
            setattr(entry, slot.get(channel.topic, "ego"), decoded)
    for stamp in sorted(waiting):
        entry = waiting[stamp]
        if calibration is not None and entry.cloud is not None and entry.truth is not None:
            yield calibration, entry


def boxes_in_base(truth, speed_mps, yaw_rate_radps, origin, turn_s):
    """Boxes of the frame where the lidar met them.

    The truth of a scenario holds for the start of the sweep. The beam turns clockwise from the rear, so a box at azimuth a is met
    (pi - a) / 2 pi of a turn of `turn_s` later: until then it has moved, and so has base_link. The truth of scattered scenes is where
    the sweep shows it (`turn_s` 0).
    """
    base_from_odom = np.linalg.inv(pose_matrix(truth.odom_from_base))
    turn = np.arctan2(base_from_odom[1, 0], base_from_odom[0, 0])
    rows = []
    for item in truth.objects:
        box = item.box
        x, y, z = (base_from_odom @ [box.x, box.y, box.z, 1.0])[:3]
        vx, vy = base_from_odom[:2, :2] @ [item.vx_mps, item.vy_mps]
        azimuth = np.arctan2(y - origin[1], x - origin[0])
        wait_s = turn_s * (np.pi - azimuth) / (2 * np.pi)
        x += wait_s * (vx - speed_mps + yaw_rate_radps * y)
        y += wait_s * (vy - yaw_rate_radps * x)
        yaw = box.yaw + turn - wait_s * yaw_rate_radps
        index = class_index(getattr(item, "class"), LIDAR_CLASSES)
        rows.append([x, y, z, box.length, box.width, box.height, yaw, index, item.points])
    return np.array(rows, np.float32).reshape(-1, 9)


def read_sweep(calibration, entry, turn_s):
    """Points in base_link (float32 [P, 3]), ring, boxes."""
    cloud = cloud_fields(entry.cloud)
    points = np.stack([cloud["x"], cloud["y"], cloud["z"]], 1).astype(np.float64)
    base_from_lidar = pose_matrix(calibration.base_from_lidar)
    points = (points @ base_from_lidar[:3, :3].T + base_from_lidar[:3, 3]).astype(np.float32)
    ring = cloud["ring"] if "ring" in cloud.dtype.names else np.zeros(len(points))
    speed, yaw_rate = (entry.ego.speed_mps, entry.ego.yaw_rate_radps) if entry.ego else (0.0, 0.0)
    boxes = boxes_in_base(entry.truth, speed, yaw_rate, base_from_lidar[:3, 3], turn_s)
    near = (np.abs(points[:, :2]) < REACH_M).all(1) & (np.abs(points[:, 2]) < REACH_M)
    return points[near], ring[near].astype(np.uint8), boxes


def owners(points, boxes):
    """For each point the row of the box it lies in, or -1; the ground below a box is nobody's."""
    owner = np.full(len(points), -1, np.int16)
    for row, box in enumerate(boxes):
        reach = 0.5 * np.hypot(box[3], box[4]) + 0.2
        near = np.flatnonzero(np.abs(points[:, 0] - box[0]) + np.abs(points[:, 1] - box[1]) < 1.5 * reach)
        owner[near[inside(points[near], box, margin=0.06, lift=0.12)]] = row
    return owner


def letterbox(image, size):
    """Shrunk to fit at the top left, padded with 114; gives the picture and the scale."""
    scale = min(size[0] / image.width, size[1] / image.height)
    width, height = round(image.width * scale), round(image.height * scale)
    canvas = np.full((size[1], size[0], 3), 114, np.uint8)
    canvas[:height, :width] = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return canvas, scale


def read_image(entry):
    image = Image.open(io.BytesIO(entry.image.data)).convert("RGB")
    canvas, scale = letterbox(image, IMAGE_SIZE)
    rows = []
    for item in entry.truth.objects:
        index = class_index(getattr(item, "class"), CAMERA_CLASSES)
        if index >= 0 and item.HasField("image"):
            area = item.image
            corners = [area.x_min * scale, area.y_min * scale, area.x_max * scale, area.y_max * scale]
            rows.append([*corners, index, item.visible])
    return canvas, np.array(rows, np.float32).reshape(-1, 6)


def convert(path, folder, turn_s, every=1):
    """Writes the arrays of every n-th frame of a drive; gives their number. For `turn_s` see `boxes_in_base`."""
    points, rings, owner, boxes, images, areas = [], [], [], [], [], []
    origin = [0.0, 0.0, 0.0]
    for number, (calibration, entry) in enumerate(frames(path)):
        if number % every:
            continue
        pose = calibration.base_from_lidar
        origin = [pose.x, pose.y, pose.z]
        sweep, ring, truth = read_sweep(calibration, entry, turn_s)
        points.append(np.round(sweep / STEP_M).astype(np.int16))
        rings.append(ring)
        owner.append(owners(sweep, truth))
        boxes.append(truth)
        if entry.image is not None:
            image, area = read_image(entry)
            images.append(image)
            areas.append(area)
    if not points:
        raise SystemExit(f"{path}: no frame with a sweep and the truth")
    folder.mkdir(parents=True, exist_ok=True)
    offsets = lambda parts: np.cumsum([0] + [len(part) for part in parts]).tolist()
    arrays = {"points": points, "ring": rings, "owner": owner, "boxes": boxes}
    if images:
        np.save(folder / "images.npy", np.stack(images))
        arrays["areas"] = areas
    for name, parts in arrays.items():
        np.save(folder / f"{name}.npy", np.concatenate(parts))
    index = {
        "origin": origin,
        "points": offsets(points),
        "boxes": offsets(boxes),
        "areas": offsets(areas) if images else None,
    }
    (folder / "index.json").write_text(json.dumps(index))
    return len(points)


class Drive:
    """The arrays of one drive."""

    def __init__(self, folder):
        folder = Path(folder)
        self.index = json.loads((folder / "index.json").read_text())
        self.origin = np.array(self.index["origin"], np.float32)
        load = lambda name: np.load(folder / f"{name}.npy", mmap_mode="r")
        self.points, self.ring, self.owner, self.boxes = (load(n) for n in ["points", "ring", "owner", "boxes"])
        self.images = load("images") if self.index["areas"] else None
        self.areas = load("areas") if self.index["areas"] else None

    def __len__(self):
        return len(self.index["points"]) - 1

    def sweep(self, frame):
        """Points float32 [P, 3], ring, owner, boxes of a frame."""
        first, last = self.index["points"][frame : frame + 2]
        points = self.points[first:last].astype(np.float32) * np.float32(STEP_M)
        top, bottom = self.index["boxes"][frame : frame + 2]
        return points, np.array(self.ring[first:last]), np.array(self.owner[first:last]), np.array(self.boxes[top:bottom])

    def picture(self, frame):
        """Image uint8 [360, 640, 3] and its areas."""
        first, last = self.index["areas"][frame : frame + 2]
        return np.array(self.images[frame]), np.array(self.areas[first:last])


def load(folder):
    """All drives below a folder, in the order of their names."""
    drives = [Drive(path.parent) for path in sorted(Path(folder).glob("*/index.json"))]
    if not drives:
        raise SystemExit(f"{folder}: no converted drive; run data.py first")
    return drives
