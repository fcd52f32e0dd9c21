"""Boxes in images: which of them stay, and what is read inside of them."""

import math

import numpy as np

from nn.models.onnx.operators.table import ints, number, operator, room
from nn.models.windows import linear_weights, resized
from nn.noise import values

ROI_MODE = "RoiAlign(mode={mode!r}) has no form here: write the file with mode='avg', which is what detectors use."


def corners(boxes, center_point_box):
    """The lower and upper ends of boxes along both axes, shape (..., 2) each."""
    if center_point_box:
        middle, half = boxes[..., :2], boxes[..., 2:] / 2
        return middle - half, middle + half
    return np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])


def overlap(low, high, one):
    """The shared area of one box and each box, over the area of both."""
    shared = np.prod(np.maximum(0, np.minimum(high, high[one]) - np.maximum(low, low[one])), axis=-1)
    areas = np.prod(high - low, axis=-1)
    return shared / (areas + areas[one] - shared)


@operator
def NonMaxSuppression(
    boxes,
    scores,
    max_output_boxes_per_class=None,
    iou_threshold=None,
    score_threshold=None,
    center_point_box=0,
):
    """Places of the best boxes of each class that overlap with none that is better: a choice, without a derivative."""
    most = 0 if max_output_boxes_per_class is None else number(max_output_boxes_per_class)
    limit = 0.0 if iou_threshold is None else number(iou_threshold)
    least = -np.inf if score_threshold is None else number(score_threshold)
    found = []
    for image, classes in enumerate(values(scores)):
        low, high = corners(values(boxes)[image], center_point_box)
        for kind, each in enumerate(classes):
            left = [i for i in np.argsort(-each, kind="stable") if each[i] > least]
            for _ in range(most):
                if not left:
                    break
                best = left[0]
                found.append((image, kind, best))
                left = [i for i in left[1:] if overlap(low, high, best)[i] <= limit]
    return np.array(found, np.int64).reshape(-1, 3)


def cells(start, end, count, length, samples):
    """A matrix that takes means of what is between pixels: a row for each cell of a box, read at some places."""
    samples = samples or max(1, math.ceil((end - start) / count))
    cell, sample = np.arange(count)[:, None], (np.arange(samples) + 0.5) / samples
    places = np.ravel(start + (cell + sample) * (end - start) / count)
    weights = linear_weights(length, places) * ((places >= -1) & (places <= length))[:, None]  # nothing is far outside
    return np.mean(np.reshape(weights, (count, samples, length)), axis=1)


@operator
def RoiAlign(
    x,
    rois,
    batch_indices,
    coordinate_transformation_mode="half_pixel",
    mode="avg",
    output_height=1,
    output_width=1,
    sampling_ratio=0,
    spatial_scale=1.0,
    *,
    opset,
):
    """The mean over each cell of each box; along both axes a product with a matrix."""
    if mode != "avg":
        raise NotImplementedError(ROI_MODE.format(mode=mode))
    half = coordinate_transformation_mode == "half_pixel" and opset >= 16
    room((*np.shape(rois)[:1], x.shape[1], output_height, output_width), x.dtype, x)
    parts = []
    for box, image in zip(np.asarray(rois) * spatial_scale - (0.5 if half else 0.0), ints(batch_indices), strict=True):
        (left, top), size = box[:2], box[2:] - box[:2]
        width, height = size if half else np.maximum(size, 1.0)
        down = cells(top, top + height, output_height, x.shape[2], sampling_ratio)
        across = cells(left, left + width, output_width, x.shape[3], sampling_ratio)
        parts.append(resized(x[image], [down, across]))
    return np.stack(parts)
