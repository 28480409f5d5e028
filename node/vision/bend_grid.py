"""The grid on which a part may bend: shifts at its nodes, bilinear between them, and what it costs
to bend them.

The cost is a thin plate's (J. Duchon 1977; F. L. Bookstein 1989, Principal Warps): nothing for what
is affine, more the shorter the waves, so what bends smoothly is followed and one thing on the part
that lies elsewhere is not.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CELLS = 8  # along the longer side of the grid
LEAST_CELL_PX = 40
STIFFNESS = 0.01  # of the plate, as a share of a well seen node's own weight
HOME = 1e-4  # pull of a node towards no shift, as the same share
PAIRS = tuple((a, b) for a in range(4) for b in range(a, 4))


@dataclass(frozen=True, eq=False)
class BendGrid:
    """Nodes over a view, `cell` px apart, the first half a cell outside of it. cost: n x n, n =
    rows * columns; the cost of shifts s along one axis is s @ cost @ s."""

    rows: int
    columns: int
    cell: int
    cost: NDArray[np.float64]

    @classmethod
    def over(cls, width: int, height: int) -> "BendGrid":
        """The grid over a view of that size in px."""
        cell = max(math.ceil(max(width, height) / CELLS), LEAST_CELL_PX)
        columns, rows = math.ceil(width / cell) + 2, math.ceil(height / cell) + 2
        return cls(rows, columns, cell, _cost(rows, columns))

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return self.rows * self.columns

    def places(self) -> NDArray[np.float64]:
        """n x 2: x and y of the nodes, px of the view."""
        x, y = np.meshgrid(
            (np.arange(self.columns) - 0.5) * self.cell - 0.5,
            (np.arange(self.rows) - 0.5) * self.cell - 0.5,
        )
        return np.column_stack([x.ravel(), y.ravel()])

    def shaped(self, shift: NDArray[np.float64]) -> Floats:
        """Shifts of the nodes (n x 2) as rows x columns x 2."""
        return shift.reshape(self.rows, self.columns, 2).astype(np.float32)


@dataclass(frozen=True, eq=False)
class GridPoints:
    """Points of a view as a grid's nodes see them.

    place: 1 x n each, in nodes, right and down. node, share: n x 4, the nodes around each point
    and how much each counts. pair, pair_share: n * 10 and n x 10, the same of each two of the four
    nodes, as an index into a matrix of all nodes by all; half of it is left out.
    """

    grid: BendGrid
    place: tuple[Floats, Floats]
    node: NDArray[np.intp]
    share: Floats
    pair: NDArray[np.intp]
    pair_share: Floats

    @classmethod
    def of(cls, grid: BendGrid, x: Floats, y: Floats) -> "GridPoints":
        """Points by their px in the view."""
        across, down = in_nodes(x, grid.cell), in_nodes(y, grid.cell)
        node, share = _around(across, down, grid.rows, grid.columns)
        pair = np.stack([node[:, a] * grid.count + node[:, b] for a, b in PAIRS], axis=1)
        # the diagonal comes twice when a matrix and its mirror image are added
        both = [share[:, a] * share[:, b] * np.float32(0.5 if a == b else 1) for a, b in PAIRS]
        place = across[None], down[None]
        return cls(grid, place, node, share, pair.ravel(), np.stack(both, axis=1))

    def shifts(self, shift: Floats) -> Floats:
        """n x 2: the shifts at the points, from those at the nodes (rows x columns x 2)."""
        return np.asarray(
            cv2.remap(shift, *self.place, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0],
            np.float32,
        )

    def at_nodes(self, values: Floats) -> NDArray[np.float64]:
        """The sum of a value of each point at the nodes around it, by their shares."""
        spread = (self.share * values[:, None]).ravel()
        return np.asarray(np.bincount(self.node.ravel(), spread, self.grid.count), float)

    def by_nodes(self, values: Floats) -> NDArray[np.float64]:
        """The same for each two nodes: nodes x nodes."""
        count = self.grid.count
        spread = (self.pair_share * values[:, None]).ravel()
        half = np.bincount(self.pair, spread, count * count).reshape(count, count)
        return np.asarray(half + half.T, float)


def in_nodes(pixel: Floats, cell: int) -> Floats:
    """Columns or rows of the view as those of the grid: cv2.resize of it puts the nodes at the
    middle of cells."""
    return (pixel + np.float32(0.5)) * np.float32(1 / cell) + np.float32(0.5)


def _around(x: Any, y: Any, rows: int, columns: int) -> tuple[NDArray[np.intp], Floats]:
    """The four nodes around each point (in nodes) and their bilinear shares."""
    left, top = np.clip(x.astype(int), 0, columns - 2), np.clip(y.astype(int), 0, rows - 2)
    u, v = x - left, y - top
    node = np.stack(
        [
            top * columns + left,
            top * columns + left + 1,
            (top + 1) * columns + left,
            (top + 1) * columns + left + 1,
        ],
        axis=1,
    )
    share = np.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], axis=1)
    return node.astype(np.intp), share.astype(np.float32)


def _cost(rows: int, columns: int) -> NDArray[np.float64]:
    """A plate's: second differences along both axes, and twice the mixed one, squared and
    summed."""
    node = np.arange(rows * columns).reshape(rows, columns)
    across = node[:, :-2], node[:, 1:-1], node[:, 2:]
    down = node[:-2], node[1:-1], node[2:]
    mixed = node[:-1, :-1], node[:-1, 1:], node[1:, :-1], node[1:, 1:]
    twice = math.sqrt(2)
    differences = []
    for nodes, weights in (
        (across, (1.0, -2.0, 1.0)),
        (down, (1.0, -2.0, 1.0)),
        (mixed, (twice, -twice, -twice, twice)),
    ):
        row = np.arange(nodes[0].size)
        each = np.zeros((nodes[0].size, rows * columns))
        for which, weight in zip(nodes, weights, strict=True):
            each[row, which.ravel()] = weight
        differences.append(each)
    whole = np.concatenate(differences)
    home = HOME * np.eye(rows * columns)
    return np.asarray(STIFFNESS * (whole.T @ whole) + home, float)
