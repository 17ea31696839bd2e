"""The camera detector: network, targets, loss, boxes.

Anchor-free and fully convolutional (FCOS, Tian et al., 2019) with one score a class, trained as in generalised focal loss: the score of a
cell is the overlap its box reaches (quality focal loss, Li et al., 2020), so no extra branch is needed.
"""

import functools

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from blocks import ConvBlock, Residual

SIZE = (352, 640)
STRIDES = (8, 16, 32)
CLASSES = 5
# Longest side of a box that a scale answers for, px.
REACH = ((0, 64), (64, 160), (160, 10000))
MIN_VISIBLE, MIN_SIDE = 0.3, 8.0
# Vehicles suppress each other whatever their class.
GROUPS = ((0, 1), (2,), (3,), (4,))


@functools.cache
def cells(size):
    """Cells of a picture of `size`: middles, px [N, 2] (x, y), strides [N] and scales [N]; 4620 of them at `SIZE`."""
    points, strides, scales = [], [], []
    for scale, stride in enumerate(STRIDES):
        y, x = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride), indexing="ij")
        points.append(np.stack([x, y], 2).reshape(-1, 2) * stride + stride / 2)
        strides.append(np.full(x.size, stride))
        scales.append(np.full(x.size, scale))
    return np.concatenate(points).astype(np.float32), np.concatenate(strides), np.concatenate(scales)


class Camera(nn.Module):
    """Strides 2 to 32, a feature pyramid, heads shared by the scales."""

    def __init__(self, c1=16, c2=32, c3=64, c4=80, c5=96, f=56):
        super().__init__()
        self.scale2 = nn.Sequential(ConvBlock(3, c1, 3, 2), ConvBlock(c1, c2, 3, 2), Residual(c2))
        self.scale3 = nn.Sequential(ConvBlock(c2, c3, 3, 2), Residual(c3), Residual(c3))
        self.scale4 = nn.Sequential(ConvBlock(c3, c4, 3, 2), Residual(c4), Residual(c4))
        self.scale5 = nn.Sequential(ConvBlock(c4, c5, 3, 2), Residual(c5))
        self.side3, self.side4, self.side5 = ConvBlock(c3, f, 1), ConvBlock(c4, f, 1), ConvBlock(c5, f, 1)
        self.merge3, self.merge4 = ConvBlock(f, f), ConvBlock(f, f)
        self.merge5 = ConvBlock(f, f)
        self.what = nn.ModuleList(nn.Sequential(ConvBlock(f, f), nn.Conv2d(f, CLASSES, 1)) for _ in STRIDES)
        self.where = nn.ModuleList(nn.Sequential(ConvBlock(f, f), nn.Conv2d(f, 4, 1)) for _ in STRIDES)
        for head in self.what:
            nn.init.constant_(head[1].bias, -4.0)

    def forward(self, image):
        """Logits of the scores [B, 4620, 5], distances to the sides in px of the image [B, 4620, 4]."""
        larger = lambda x: F.interpolate(x, scale_factor=2.0, mode="nearest")
        x3 = self.scale3(self.scale2(image))
        x4 = self.scale4(x3)
        x5 = self.scale5(x4)
        y5 = self.merge5(self.side5(x5))
        y4 = self.merge4(self.side4(x4) + larger(y5))
        y3 = self.merge3(self.side3(x3) + larger(y4))
        what, where = [], []
        for level, stride, score, side in zip((y3, y4, y5), STRIDES, self.what, self.where):
            rows = level.shape[2] * level.shape[3]
            what.append(score(level).reshape(-1, CLASSES, rows))
            where.append((torch.exp(side(level)) * (2.0 * stride)).reshape(-1, 4, rows))
        return torch.cat(what, 2).transpose(1, 2), torch.cat(where, 2).transpose(1, 2)


class Exported(nn.Module):
    """The network as the program runs it."""

    inputs, outputs = ["image"], ["scores", "boxes"]
    shape = (1, 3, *SIZE)

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, image):
        scores, boxes = self.network(image)
        return torch.sigmoid(scores), boxes


def targets(areas, size=SIZE):
    """Class of each cell (-1 none, -2 ignored) [N] and its distances to the sides of the box it answers for, px [N, 4]."""
    points, strides, scales = cells(size)
    kind = np.full(len(points), -1, np.int64)
    box = np.zeros((len(points), 4), np.float32)
    side = np.minimum(areas[:, 2] - areas[:, 0], areas[:, 3] - areas[:, 1])
    longest = np.maximum(areas[:, 2] - areas[:, 0], areas[:, 3] - areas[:, 1])
    # Traffic lights are small: they count from half the side.
    wanted = (areas[:, 5] >= MIN_VISIBLE) & (longest >= MIN_SIDE) & (side >= 0.4 * MIN_SIDE)
    x, y = points[:, 0], points[:, 1]
    # Larger first: the smaller of two in one place is the nearer to be lost.
    for row in np.lexsort((-longest, wanted)):
        left, top, right, bottom, index, _ = areas[row]
        within = (x > left) & (x < right) & (y > top) & (y < bottom)
        if not wanted[row]:
            kind[within] = -2
            continue
        # The middle of the box, at least the cell it falls into.
        u, v = 0.5 * (left + right), 0.5 * (top + bottom)
        reach_x = np.maximum(0.2 * (right - left), 0.75 * strides)
        reach_y = np.maximum(0.2 * (bottom - top), 0.75 * strides)
        scale = next(s for s, (low, high) in enumerate(REACH) if low <= longest[row] < high)
        mine = (scales == scale) & (np.abs(x - u) < reach_x) & (np.abs(y - v) < reach_y) & within
        if not mine.any():
            mine = (scales == scale) & (np.abs(x - u) <= 0.5 * strides) & (np.abs(y - v) <= 0.5 * strides)
        kind[mine] = int(index)
        box[mine] = left, top, right, bottom
    return kind, np.concatenate([points - box[:, :2], box[:, 2:] - points], 1)


def _giou(a, b):
    """Generalised IoU and IoU of boxes around one point each, given by the distances to their sides [N, 4] (left, top, right, bottom)."""
    inter, hull = torch.minimum(a, b), torch.maximum(a, b)
    # A small box may lie beside the middle of its cell: then a distance is negative.
    area = lambda c: (c[:, 0] + c[:, 2]).clamp(min=0) * (c[:, 1] + c[:, 3]).clamp(min=0)
    both = area(inter)
    union = area(a) + area(b) - both
    iou = both / union.clamp(min=1e-6)
    return iou - (area(hull) - union) / area(hull).clamp(min=1e-6), iou


def loss(output, target):
    """Quality focal loss of the scores, generalised IoU of the boxes; and its parts."""
    scores, sides = output[0].float(), output[1].float()
    kind = target["kind"]
    b, cell = torch.nonzero(kind >= 0, as_tuple=True)
    goal = torch.zeros_like(scores)
    giou = iou = torch.ones(0, device=scores.device)
    if len(b):
        giou, iou = _giou(sides[b, cell], target["sides"][b, cell])
        goal[b, cell, kind[b, cell]] = iou.detach().clamp(min=0.05)
    p = torch.sigmoid(scores)
    focal = F.binary_cross_entropy_with_logits(scores, goal, reduction="none") * (goal - p).abs() ** 2
    count = max(len(b), 1)
    what = (focal * (kind != -2)[..., None]).sum() / count
    where = (1 - giou).sum() / count
    parts = {"what": what.detach(), "where": where.detach(), "iou": iou.detach().sum() / count}
    return what + 2.0 * where, parts


def overlap(a, b):
    """[N, M] IoU of boxes left, top, right, bottom."""
    top = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    inter = np.clip(bottom - top, 0, None).prod(2)
    area = lambda c: (c[:, 2] - c[:, 0]) * (c[:, 3] - c[:, 1])
    return inter / np.maximum(area(a)[:, None] + area(b)[None] - inter, 1e-6)


def decode(scores, sides, threshold=0.1, limit=0.6, most=300):
    """Boxes of one picture, [N, 6]: left, top, right, bottom, class, score; falling score."""
    kind = scores.argmax(1)
    best = scores.max(1)
    rows = np.flatnonzero(best >= threshold)
    rows = rows[np.lexsort((rows, -best[rows]))][:most]
    at, reach = cells(SIZE)[0][rows], sides[rows]
    found = np.concatenate([at - reach[:, :2], at + reach[:, 2:], kind[rows, None], best[rows, None]], 1)
    found[:, [0, 2]] = np.clip(found[:, [0, 2]], 0, SIZE[1])
    found[:, [1, 3]] = np.clip(found[:, [1, 3]], 0, SIZE[0])
    kept = []
    for group in GROUPS:
        members = np.flatnonzero(np.isin(found[:, 4], group))
        iou = overlap(found[members], found[members])
        stay = []
        for row in range(len(members)):
            if not stay or iou[row, stay].max() <= limit:
                stay.append(row)
        kept.append(members[stay])
    return found[np.sort(np.concatenate(kept)).astype(int)]
