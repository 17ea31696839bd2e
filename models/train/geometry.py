"""Upright boxes seen from above: overlap, suppression. Boxes are rows x, y, length, width, yaw."""

import numpy as np
import torch


def corners(boxes):
    """[N, 4, 2], counter-clockwise."""
    sin, cos = torch.sin(boxes[:, 4, None]), torch.cos(boxes[:, 4, None])
    signs = boxes.new_tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    along, across = 0.5 * signs[None, :, 0] * boxes[:, None, 2], 0.5 * signs[None, :, 1] * boxes[:, None, 3]
    return torch.stack([boxes[:, None, 0] + cos * along - sin * across, boxes[:, None, 1] + sin * along + cos * across], 2)


def _within(points, boxes):
    """[N, K]: which of the K points of each row lie in the row's box."""
    sin, cos = torch.sin(boxes[:, 4, None]), torch.cos(boxes[:, 4, None])
    dx, dy = points[..., 0] - boxes[:, None, 0], points[..., 1] - boxes[:, None, 1]
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    edge = 1e-6
    return (along.abs() <= 0.5 * boxes[:, None, 2] + edge) & (across.abs() <= 0.5 * boxes[:, None, 3] + edge)


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def paired_iou(a, b):
    """Intersection over union of row i of `a` with row i of `b`: tensors of float64 on any device, as is the result.

    The common area is a convex polygon: corners of either box in the other one, and crossings of edges, in the order of their angle.
    """
    shift = torch.cat([a[:, :2], torch.zeros_like(a[:, :3])], 1)
    a, b = a - shift, b - shift
    pa, pb = corners(a), corners(b)
    ea, eb = pa.roll(-1, 1) - pa, pb.roll(-1, 1) - pb
    start = pb[:, None, :, :] - pa[:, :, None, :]
    det = _cross(ea[:, :, None, :], eb[:, None, :, :])
    crosses = det.abs() >= 1e-12
    safe = torch.where(crosses, det, 1.0)
    t = _cross(start, eb[:, None, :, :]) / safe
    u = _cross(start, ea[:, :, None, :]) / safe
    meets = crosses & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    crossings = pa[:, :, None, :] + t[..., None] * ea[:, :, None, :]
    points = torch.cat([pa, pb, crossings.reshape(len(a), 16, 2)], 1)
    valid = torch.cat([_within(pa, b), _within(pb, a), meets.reshape(len(a), 16)], 1)
    count = valid.sum(1)
    middle = (points * valid[..., None]).sum(1) / count.clamp(min=1)[:, None]
    around = points - middle[:, None]
    angle = torch.where(valid, torch.atan2(around[..., 1], around[..., 0]), torch.inf)
    order = angle.argsort(dim=1, stable=True)
    around = around.gather(1, order[..., None].expand_as(around))
    # What is no corner repeats the first one, which adds nothing.
    around = torch.where(valid.gather(1, order)[..., None], around, around[:, :1])
    area = 0.5 * _cross(around, around.roll(-1, 1)).sum(1).abs()
    area = torch.where(count >= 3, area, 0.0)
    return area / (a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - area).clamp(min=1e-9)


def iou_matrix(a, b):
    """[N, M] of arrays; only pairs that are close enough to touch are computed."""
    out = np.zeros((len(a), len(b)))
    if len(a) and len(b):
        reach = 0.5 * (np.hypot(a[:, 2], a[:, 3])[:, None] + np.hypot(b[:, 2], b[:, 3])[None])
        i, j = np.nonzero(np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]) < reach)
        out[i, j] = paired_iou(*(torch.from_numpy(np.asarray(c, np.float64)) for c in (a[i], b[j])))
    return out


def suppress(boxes, limit):
    """Rows that stay, of boxes in falling score: those that overlap no better one by more than `limit`."""
    iou = iou_matrix(boxes, boxes)
    kept = []
    for row in range(len(boxes)):
        if not kept or iou[row, kept].max() <= limit:
            kept.append(row)
    return np.array(kept, int)
