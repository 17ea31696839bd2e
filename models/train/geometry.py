"""Upright boxes seen from above: overlap, suppression. Boxes are rows x, y, length, width, yaw."""

import numpy as np


def corners(boxes):
    """[N, 4, 2], counter-clockwise."""
    sin, cos = np.sin(boxes[:, 4]), np.cos(boxes[:, 4])
    half = 0.5 * boxes[:, 2:4]
    signs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]], boxes.dtype)
    along, across = signs[None, :, 0] * half[:, None, 0], signs[None, :, 1] * half[:, None, 1]
    x = boxes[:, None, 0] + cos[:, None] * along - sin[:, None] * across
    y = boxes[:, None, 1] + sin[:, None] * along + cos[:, None] * across
    return np.stack([x, y], 2)


def _within(points, boxes):
    """[N, K]: which of the K points of each row lie in the row's box."""
    sin, cos = np.sin(boxes[:, 4])[:, None], np.cos(boxes[:, 4])[:, None]
    dx, dy = points[..., 0] - boxes[:, None, 0], points[..., 1] - boxes[:, None, 1]
    along, across = cos * dx + sin * dy, cos * dy - sin * dx
    edge = 1e-6
    return (np.abs(along) <= 0.5 * boxes[:, None, 2] + edge) & (np.abs(across) <= 0.5 * boxes[:, None, 3] + edge)


def _cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def paired_iou(a, b):
    """Intersection over union of row i of `a` with row i of `b`."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if len(a) == 0:
        return np.zeros(0)
    shift = a[:, :2].copy()
    a, b = np.concatenate([a[:, :2] - shift, a[:, 2:5]], 1), np.concatenate([b[:, :2] - shift, b[:, 2:5]], 1)
    pa, pb = corners(a), corners(b)
    ea, eb = np.roll(pa, -1, 1) - pa, np.roll(pb, -1, 1) - pb
    start = pb[:, None, :, :] - pa[:, :, None, :]
    det = _cross(ea[:, :, None, :], eb[:, None, :, :])
    safe = np.where(np.abs(det) < 1e-12, 1.0, det)
    t = _cross(start, eb[:, None, :, :]) / safe
    u = _cross(start, ea[:, :, None, :]) / safe
    meets = (np.abs(det) >= 1e-12) & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    crossings = pa[:, :, None, :] + t[..., None] * ea[:, :, None, :]
    points = np.concatenate([pa, pb, crossings.reshape(len(a), 16, 2)], 1)
    valid = np.concatenate([_within(pa, b), _within(pb, a), meets.reshape(len(a), 16)], 1)
    count = valid.sum(1)
    middle = (points * valid[..., None]).sum(1) / np.maximum(count, 1)[:, None]
    around = points - middle[:, None]
    angle = np.where(valid, np.arctan2(around[..., 1], around[..., 0]), np.inf)
    order = np.argsort(angle, 1)
    around = np.take_along_axis(around, order[..., None], 1)
    ranked = np.take_along_axis(valid, order, 1)
    around = np.where(ranked[..., None], around, around[:, :1])
    area = 0.5 * np.abs(_cross(around, np.roll(around, -1, 1)).sum(1))
    area = np.where(count >= 3, area, 0.0)
    return area / np.maximum(a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - area, 1e-9)


def iou_matrix(a, b):
    """[N, M]; only pairs that are close enough to touch are computed."""
    out = np.zeros((len(a), len(b)))
    if len(a) and len(b):
        reach = 0.5 * (np.hypot(a[:, 2], a[:, 3])[:, None] + np.hypot(b[:, 2], b[:, 3])[None])
        i, j = np.nonzero(np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]) < reach)
        out[i, j] = paired_iou(a[i], b[j])
    return out


def suppress(boxes, limit):
    """Rows that stay, of boxes in falling score: those that overlap no better one by more than `limit`."""
    iou = iou_matrix(boxes, boxes)
    kept = []
    for row in range(len(boxes)):
        if not kept or iou[row, kept].max() <= limit:
            kept.append(row)
    return np.array(kept, int)
