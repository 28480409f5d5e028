"""Blurred steps fitted to gray levels: each alone, or those near to each other together, with how
well they are known.

A thin line seen through a blur looks wider than it is: its edges' gradients overlap, and a step
fitted to one of them alone is pushed outwards by the other. Here all steps of a group are one model
with one blur. Where width and contrast can no longer be told apart (a line of 1 px at a blur of 2
px looks like one of 2 px at half its contrast), the fit's own covariance says so, and a tool that
asks for such an edge gives no value.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROUNDS = 15
ENOUGH_PX = 1e-3
MOST_DAMPING = 1e6
LEAST_NOISE = 0.1  # gray levels: rounding, and what no lens does exactly
LEAST_BLUR, MOST_BLUR = 0.1, 16.0


class Steps(NamedTuple):
    """Steps fitted together: places, heights, their blur in px, and covariance of the places in
    px^2."""

    at: Floats
    step: Floats
    blur: float
    covariance: Floats


def alone(
    values: Floats, weights: Floats, x: Any, at: Floats, blur: Floats
) -> tuple[Floats, Floats, Floats]:
    """Least squares fit of low + step * (blurred step, mean over each pixel) to each row: place,
    step and blur, n each.

    Gauss-Newton in place, blur, low and step, from a start that is right to half a px.
    """
    low, step = np.zeros(len(at)), np.zeros(len(at))
    for _ in range(6):
        right, left = (
            (x + 0.5 - at[:, None]) / blur[:, None],
            (x - 0.5 - at[:, None]) / blur[:, None],
        )
        (f_right, c_right), (f_left, c_left) = gauss(right), gauss(left)
        shape = blur[:, None] * (right * c_right + f_right - left * c_left - f_left)
        low, step = _line(shape, values, weights)
        columns = np.stack(
            [
                -step[:, None] * (c_right - c_left),
                step[:, None] * (f_right - f_left),
                np.ones_like(shape),
                shape,
            ],
            axis=1,
        )
        weighted = columns * weights[:, None, :]
        normal = weighted @ columns.transpose(0, 2, 1)
        scale = np.sqrt(np.maximum(np.einsum("nii->ni", normal), 1e-12))
        normal = normal / (scale[:, :, None] * scale[:, None, :]) + 1e-4 * np.eye(4)
        residual = values - low[:, None] - step[:, None] * shape
        change = (
            np.linalg.solve(normal, (weighted @ residual[:, :, None]) / scale[:, :, None])[:, :, 0]
            / scale
        )
        at = at + np.clip(change[:, 0], -0.5, 0.5)
        blur = np.clip(blur + np.clip(change[:, 1], -0.5 * blur, blur), 0.1, MOST_BLUR)
        if np.abs(change[:, 0]).max() < 2e-3:
            break
    return at, step, blur


def _line(shape: Floats, values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Gray level before the step and its height, by regression of the values on the shape."""
    total = weights.sum(axis=1)
    mean_shape, mean_value = (
        (weights * shape).sum(axis=1) / total,
        (weights * values).sum(axis=1) / total,
    )
    centred = (shape - mean_shape[:, None]) * weights
    spread = np.maximum((centred * shape).sum(axis=1), 1e-12)
    step = (centred * values).sum(axis=1) / spread
    return mean_value - step * mean_shape, step


def together(values: Floats, weights: Floats, at: Floats, blur: float) -> Steps | None:
    """Least squares fit of a gray level and n blurred steps, integrated over the pixels 0, 1, 2 ..;
    None if the fit comes to nothing finite.

    at: where the steps seem to be, in order; blur in px. K. Levenberg 1944, D. Marquardt 1963.
    """
    x = np.arange(len(values), dtype=float)
    cost, parameters = _fitted(x, values, weights, at, blur)
    return _known(x, values, weights, cost, parameters)


def _known(
    x: Floats, values: Floats, weights: Floats, cost: float, parameters: Floats
) -> Steps | None:
    n = len(parameters) - 1
    shape, slope = _model(x, parameters[:n], parameters[n])
    _, jacobian, levels = _all(shape, slope, values, weights)
    freedom = max(float(weights.sum()) - jacobian.shape[1], 1.0)
    noise = max(math.sqrt(cost / freedom), LEAST_NOISE)
    scale = np.sqrt(np.maximum(np.einsum("ij,ij->j", jacobian, jacobian), 1e-12))
    inverse = np.linalg.inv((jacobian / scale).T @ (jacobian / scale) + 1e-12 * np.eye(len(scale)))
    covariance = (noise**2 * inverse / np.outer(scale, scale))[:n, :n]
    if not np.isfinite(covariance).all():
        return None
    return Steps(parameters[:n], levels[1:], float(parameters[n]), covariance)


def _fitted(
    x: Floats, values: Floats, weights: Floats, at: Floats, blur: float
) -> tuple[float, Floats]:
    """Sum of squares, and the places followed by the blur; the levels are solved for at each (G.
    Golub, V. Pereyra 1973)."""
    n = len(at)
    now = np.append(at, np.clip(blur, LEAST_BLUR, MOST_BLUR))
    damping = 1e-3
    rest, jacobian, _ = _all(*_model(x, now[:n], now[n]), values, weights)
    cost = float(rest @ rest)
    for _ in range(ROUNDS):
        system, pull = jacobian.T @ jacobian, jacobian.T @ rest
        system[np.diag_indices(len(system))] *= 1 + damping
        system[np.diag_indices(len(system))] += 1e-9
        change = np.linalg.solve(system, pull)[: n + 1]
        new = now + np.clip(change, -1.0, 1.0)
        new[n] = np.clip(new[n], max(LEAST_BLUR, 0.5 * now[n]), min(MOST_BLUR, 2 * now[n]))
        new_cost = math.inf
        if (np.diff(new[:n]) > 0).all() and new[0] > -1 and new[n - 1] < len(x):
            new_rest, new_jacobian, _ = _all(*_model(x, new[:n], new[n]), values, weights)
            new_cost = float(new_rest @ new_rest)
        if new_cost < cost:
            done = np.abs(new - now).max() < ENOUGH_PX
            now, rest, jacobian, cost, damping = (
                new,
                new_rest,
                new_jacobian,
                new_cost,
                max(damping / 10, 1e-7),
            )
            if done:
                break
        else:
            damping *= 10
            if damping > MOST_DAMPING:
                break
    return cost, now


def _model(x: Floats, at: Floats, blur: float) -> tuple[Any, Any]:
    """Shapes of the steps (n x pixels), and how they change with their place and with the blur."""
    right, left = (x + 0.5 - at[:, None]) / blur, (x - 0.5 - at[:, None]) / blur
    (f_right, c_right), (f_left, c_left) = gauss(right), gauss(left)
    shape = blur * (right * c_right + f_right - left * c_left - f_left)
    return shape, (-(c_right - c_left), f_right - f_left)


def _all(shape: Any, slope: Any, values: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Residuals, Jacobian (places, blur, level before, heights), and the level before and heights
    that fit best."""
    columns = np.vstack([np.ones_like(values), shape]) * weights
    system = columns @ columns.T
    system[np.diag_indices(len(system))] += 1e-9
    levels = np.asarray(np.linalg.solve(system, columns @ values), float)
    by_place, by_blur = slope
    moving = np.vstack([levels[1:, None] * by_place, levels[1:] @ by_blur]) * weights
    return values * weights - levels @ columns, np.vstack([moving, columns]).T, levels


def influence(x: Any, at: Floats, step: Floats, blur: float) -> Floats:
    """By how many px the fitted places move for each gray level of each pixel x, n x pixels: to
    first order, with the blur, the level and the heights fitted, too."""
    shape, (by_place, by_blur) = _model(x, at, max(blur, LEAST_BLUR))
    columns = np.vstack([step[:, None] * by_place, step @ by_blur, np.ones(len(x)), shape])
    return np.asarray(np.linalg.pinv(columns.T, rcond=1e-6)[: len(at)], float)


def gauss(t: Any) -> tuple[Any, Any]:
    """Density and distribution of the normal distribution (M. Abramowitz, I. Stegun, 26.2.17: to
    7.5e-8)."""
    density = np.exp(-0.5 * t * t) * 0.3989422804014327
    k = 1 / (1 + 0.2316419 * np.abs(t))
    tail = (
        density
        * k
        * (
            0.319381530
            + k * (-0.356563782 + k * (1.781477937 + k * (-1.821255978 + k * 1.330274429)))
        )
    )
    return density, np.where(t >= 0, 1 - tail, tail)
