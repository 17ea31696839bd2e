"""The lidar detector: features of a sweep, network, targets, loss, boxes.

Pillars of 0.2 m as in PointPillars (Lang et al., 2019) with features made by hand, so that Rust, CUDA and numpy make the same;
centre heads as in CenterPoint (Yin et al., 2021); the overlap of each box is predicted for rescoring as in CIA-SSD (Zheng et al., 2021).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import geometry
from blocks import ConvBlock, Residual

CELL_M = 0.2
CELLS = 416
EDGE_M = 41.6
LOW_M, HIGH_M = -1.0, 3.4
# The ego's own footprint: x from, x to, |y| below.
EGO_M = (-1.2, 3.8, 1.0)
SLICES_M = [-1.0, 0.2, 0.5, 0.9, 1.4, 2.0, 3.4]
CHANNELS = 10
STRIDE = 2
OUT = CELLS // STRIDE
OUT_M = CELL_M * STRIDE
CLASSES = 4
# Fewer points than this: neither wanted nor wrong.
MIN_POINTS = 5
# Vehicles suppress each other whatever their class, and so do people, on foot or riding.
GROUPS = ((0, 1), (2, 3))


def features(points):
    """[10, 416, 416] f32 of points f32 [P, 3] in base_link. The contract with the program: same order of operations, all in f32."""
    points = np.asarray(points, np.float32)
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    edge, cell = np.float32(EDGE_M), np.float32(CELL_M)
    row, column = np.floor((x + edge) / cell), np.floor((y + edge) / cell)
    keep = (z >= np.float32(LOW_M)) & (z <= np.float32(HIGH_M))
    keep &= (row >= 0) & (row < CELLS) & (column >= 0) & (column < CELLS)
    keep &= ~((x > np.float32(EGO_M[0])) & (x < np.float32(EGO_M[1])) & (np.abs(y) < np.float32(EGO_M[2])))
    index = row[keep].astype(np.int64) * CELLS + column[keep].astype(np.int64)
    z = z[keep]
    out = np.zeros((CHANNELS, CELLS * CELLS), np.float32)
    count = np.bincount(index, minlength=CELLS * CELLS)
    filled = np.flatnonzero(count)
    highest = np.full(CELLS * CELLS, -np.inf, np.float32)
    lowest = np.full(CELLS * CELLS, np.inf, np.float32)
    total = np.zeros(CELLS * CELLS, np.float32)
    np.maximum.at(highest, index, z)
    np.minimum.at(lowest, index, z)
    np.add.at(total, index, z)
    half = np.float32(0.5)
    number = count[filled].astype(np.float32)
    out[0, filled] = highest[filled] * half
    out[1, filled] = lowest[filled] * half
    out[2, filled] = total[filled] / number * half
    out[3, filled] = np.log1p(number) * np.float32(0.25)
    level = np.searchsorted(np.array(SLICES_M[1:-1], np.float32), z, side="right")
    out[4 + level, index] = 1.0
    return out.reshape(CHANNELS, CELLS, CELLS)


class Pillars(nn.Module):
    """Four scales down, three up with nearest neighbours, heads at half the input's resolution."""

    def __init__(self, c0=32, c1=48, c2=80, c3=112, f1=48, f2=64):
        super().__init__()
        self.scale0 = ConvBlock(CHANNELS, c0, 3, 2)
        self.scale1 = nn.Sequential(ConvBlock(c0, c1, 3, 2), Residual(c1))
        self.scale2 = nn.Sequential(ConvBlock(c1, c2, 3, 2), Residual(c2), Residual(c2))
        self.scale3 = nn.Sequential(ConvBlock(c2, c3, 3, 2), Residual(c3))
        self.side3, self.side2 = ConvBlock(c3, f2, 1), ConvBlock(c2, f2, 1)
        self.side1, self.side0 = ConvBlock(c1, f1, 1), ConvBlock(c0, c0, 1)
        self.merge2, self.up2 = ConvBlock(f2, f2), ConvBlock(f2, f1, 1)
        self.merge1, self.up1 = ConvBlock(f1, f1), ConvBlock(f1, c0, 1)
        self.merge0 = ConvBlock(c0, c0)
        self.what = nn.Sequential(ConvBlock(c0, c0), nn.Conv2d(c0, CLASSES, 1))
        self.where = nn.Sequential(ConvBlock(c0, c0), nn.Conv2d(c0, 9, 1))
        nn.init.constant_(self.what[1].bias, -4.0)

    def forward(self, pillars):
        """Logits of the heatmap [B, 4, h, w], boxes [B, 8, h, w], logits of the overlap [B, 1, h, w]."""
        larger = lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")
        x0 = self.scale0(pillars)
        x1 = self.scale1(x0)
        x2 = self.scale2(x1)
        x3 = self.scale3(x2)
        x = self.merge2(self.side2(x2) + larger(self.side3(x3)))
        x = self.merge1(self.side1(x1) + larger(self.up2(x)))
        x = self.merge0(self.side0(x0) + larger(self.up1(x)))
        where = self.where(x)
        return self.what(x), where[:, :8], where[:, 8:]


class Exported(nn.Module):
    """The network as the program runs it."""

    inputs, outputs = ["pillars"], ["heatmap", "boxes", "overlap"]
    shape = (1, CHANNELS, CELLS, CELLS)

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pillars):
        heatmap, boxes, overlap = self.network(pillars)
        return torch.sigmoid(heatmap), boxes, torch.sigmoid(overlap)


def targets(boxes, row=0, column=0, size=OUT):
    """Heatmap [4, size, size], weight [size, size] and positives [N, 14] for the window that starts at an output cell.

    A positive: row, column, weight, box's row, dx, dy, z, ln length, ln width, ln height, sin, cos, length, width.
    """
    heatmap = np.zeros((CLASSES, size, size), np.float32)
    weight = np.ones((size, size), np.float32)
    owner = np.full((size, size), -1)
    nearest = np.full((size, size), np.inf)
    for number, box in enumerate(boxes):
        x, y, z, length, width, height, yaw, kind, points = box
        u, v = (x + EDGE_M) / OUT_M - row, (y + EDGE_M) / OUT_M - column
        reach = int(np.ceil(max(length, width, 1.6) / OUT_M)) + 2
        rows = np.arange(max(int(u) - reach, 0), min(int(u) + reach + 1, size))
        columns = np.arange(max(int(v) - reach, 0), min(int(v) + reach + 1, size))
        if len(rows) == 0 or len(columns) == 0:
            continue
        du, dv = np.meshgrid(rows + 0.5 - u, columns + 0.5 - v, indexing="ij")
        window = np.ix_(rows, columns)
        if kind < 0 or points < MIN_POINTS:
            along = np.abs(np.cos(yaw) * du + np.sin(yaw) * dv) * OUT_M
            across = np.abs(np.cos(yaw) * dv - np.sin(yaw) * du) * OUT_M
            hidden = (along < 0.5 * length + 0.4) & (across < 0.5 * width + 0.4)
            weight[window] = np.where(hidden, 0.0, weight[window])
            continue
        sigma = np.clip(np.sqrt(length * width) / OUT_M / 8, 0.7, 1.8)
        bump = np.exp(-(du**2 + dv**2) / (2 * sigma**2))
        middle = (np.abs(du) <= 0.5) & (np.abs(dv) <= 0.5)
        bump = np.where(middle, 1.0, np.where(bump < 0.02, 0.0, np.minimum(bump, 0.98)))
        heatmap[int(kind)][window] = np.maximum(heatmap[int(kind)][window], bump)
        far = np.maximum(np.abs(du), np.abs(dv))
        closer = (far <= 1.5) & (far < nearest[window])
        nearest[window] = np.where(closer, far, nearest[window])
        owner[window] = np.where(closer, number, owner[window])
    weight = np.where(heatmap.max(0) >= 1.0, 1.0, weight)
    r, c = np.nonzero(owner >= 0)
    box = boxes[owner[r, c]].reshape(-1, 9)
    dx = box[:, 0] - ((r + row + 0.5) * OUT_M - EDGE_M)
    dy = box[:, 1] - ((c + column + 0.5) * OUT_M - EDGE_M)
    share = np.where(nearest[r, c] <= 0.5, 1.0, 0.4)
    size_log = np.log(box[:, 3:6])
    direction = [np.sin(box[:, 6]), np.cos(box[:, 6])]
    positives = np.stack([r, c, share, owner[r, c], dx, dy, box[:, 2], *size_log.T, *direction, *box[:, 3:5].T], 1)
    return heatmap, weight.astype(np.float32), positives.astype(np.float32)


def loss(output, target):
    """Focal loss of CornerNet for the heatmap, L1 for the boxes, cross-entropy for the overlap; and its parts."""
    heat, boxes, overlap = (part.float() for part in output)
    truth, weight, positives = target["heatmap"], target["weight"], target["positives"]
    p = torch.sigmoid(heat)
    peak = truth >= 1.0
    positive = F.softplus(-heat) * (1 - p) ** 2
    negative = F.softplus(heat) * p**2 * (1 - truth) ** 4
    focal = torch.where(peak, positive, negative) * weight[:, None]
    what = focal.sum() / peak.sum().clamp(min=1)
    if len(positives) == 0:
        return what, {"what": what.detach()}
    b, r, c = positives[:, 0].long(), positives[:, 1].long(), positives[:, 2].long()
    share, goal = positives[:, 3:4], positives[:, 5:13]
    found = boxes[b, :, r, c]
    total = share.sum().clamp(min=1.0)
    place = (F.smooth_l1_loss(found[:, :3], goal[:, :3], reduction="none", beta=0.1) * share).sum() / total
    size = (F.smooth_l1_loss(found[:, 3:6], goal[:, 3:6], reduction="none", beta=0.05) * share).sum() / total
    same = F.smooth_l1_loss(found[:, 6:], goal[:, 6:], reduction="none", beta=0.1).sum(1, keepdim=True)
    turned = F.smooth_l1_loss(found[:, 6:], -goal[:, 6:], reduction="none", beta=0.1).sum(1, keepdim=True)
    # The axis matters most; front and rear often look alike.
    heading = ((torch.minimum(same, turned) + 0.2 * same) * share).sum() / total
    with torch.no_grad():
        flat = lambda place, size, sin, cos: torch.cat([place, size, torch.atan2(sin, cos)[:, None]], 1).double()
        reached = flat(found[:, :2], found[:, 3:5].clamp(-3, 4).exp(), found[:, 6], found[:, 7])
        wanted = flat(positives[:, 5:7], positives[:, 13:15], positives[:, 11], positives[:, 12])
        iou = geometry.paired_iou(reached, wanted).float()
    guess = overlap[b, 0, r, c]
    rescoring = (F.binary_cross_entropy_with_logits(guess, iou, reduction="none") * share[:, 0]).sum() / total
    parts = {"what": what, "place": place, "size": size, "heading": heading, "overlap": rescoring, "iou": iou.mean()}
    everything = what + 2.0 * place + 1.0 * size + 1.0 * heading + 0.5 * rescoring
    return everything, {name: value.detach() for name, value in parts.items()}


def decode(heatmap, boxes, overlap, threshold=0.1, mix=0.5, limit=0.2, most=300):
    """Boxes of one frame, [N, 9]: x, y, z, length, width, height, yaw, class, score; falling score."""
    padded = np.pad(heatmap, ((0, 0), (1, 1), (1, 1)), constant_values=-1.0)
    best = heatmap
    for dr in range(3):
        for dc in range(3):
            best = np.maximum(best, padded[:, dr : dr + heatmap.shape[1], dc : dc + heatmap.shape[2]])
    kind, r, c = np.nonzero((heatmap >= best) & (heatmap >= threshold))
    box = boxes[:, r, c]
    score = heatmap[kind, r, c] ** (1 - mix) * overlap[0, r, c] ** mix
    x, y = (r + 0.5) * OUT_M - EDGE_M + box[0], (c + 0.5) * OUT_M - EDGE_M + box[1]
    size = np.exp(np.clip(box[3:6], -3, 4))
    rows = np.stack([x, y, box[2], *size, np.arctan2(box[6], box[7]), kind, score], 1)
    order = np.lexsort((r * heatmap.shape[2] + c, kind, -score))[:most]
    rows = rows[order]
    kept = []
    for group in GROUPS:
        members = np.flatnonzero(np.isin(rows[:, 7], group))
        kept.append(members[geometry.suppress(rows[members][:, [0, 1, 3, 4, 6]], limit)])
    return rows[np.sort(np.concatenate(kept))]
