"""Fits linear models: the arithmetic of the meaning layer's training, and nothing else.

Beside the line, in training only. Deterministic: the whole data at once, no chance anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Objective = Callable[[Array], tuple[float, Array]]

_KEPT_STEPS = 10
_SMALLEST_STEP = 1e-8
_ENOUGH = 1e-4


@dataclass(frozen=True, slots=True)
class Rows:
    """A sparse table: for each row the columns that are not zero, and their values."""

    columns: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]
    begins: npt.NDArray[np.int64]
    """Where each row begins; one more than there are rows. No row is empty."""
    width: int

    def times(self, weights: Array) -> Array:
        """Return the table times a column of weights."""
        product: Array = np.add.reduceat(self.values * weights[self.columns], self.begins[:-1])
        return product

    def turned_times(self, numbers: Array) -> Array:
        """Return the turned table times one number for each row."""
        spread = np.repeat(numbers, np.diff(self.begins))
        sums: Array = np.bincount(self.columns, self.values * spread, minlength=self.width).astype(np.float64)
        return sums

    def of(self, rows: npt.NDArray[np.int64]) -> Rows:
        """Return the table of some of the rows."""
        places = np.concatenate([np.arange(self.begins[row], self.begins[row + 1]) for row in rows])
        lengths = (self.begins[1:] - self.begins[:-1])[rows]
        begins = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Rows(self.columns[places], self.values[places], begins, self.width)


def lowest(objective: Objective, start: Array, *, rounds: int) -> Array:
    """Return where the smooth function is lowest, near enough (L-BFGS).

    Source: J. Nocedal, S. Wright, Numerical Optimization, algorithm 7.5 with backtracking.
    """
    at = start
    value, slope = objective(at)
    moves: list[Array] = []
    bends: list[Array] = []
    for _ in range(rounds):
        direction = -_bent(slope, moves, bends)
        step, falls = 1.0, float(slope @ direction)
        new_value, new_slope = objective(at + direction)
        while new_value > value + 1e-4 * step * falls and step > _SMALLEST_STEP:
            step /= 2
            new_value, new_slope = objective(at + step * direction)
        move, bend = step * direction, new_slope - slope
        if float(move @ bend) > 1e-12:
            moves, bends = [*moves, move][-_KEPT_STEPS:], [*bends, bend][-_KEPT_STEPS:]
        at = at + move
        done = abs(value - new_value) < _ENOUGH * 0.1 * max(1.0, abs(value)) and step == 1.0 and len(moves) > 3
        value, slope = new_value, new_slope
        if done:
            break
    return at


def fit_odds(rows: Rows, wanted: Array, *, hold: float, rounds: int = 25) -> tuple[Array, float]:
    """Return weights and bias of the log odds of `wanted` (0 or 1); both sides weigh the same.

    `hold` keeps the weights small.
    """
    share = np.where(wanted > 0, 0.5 / max(1.0, wanted.sum()), 0.5 / max(1.0, (1 - wanted).sum()))

    def objective(at: Array) -> tuple[float, Array]:
        odds = rows.times(at[:-1]) + at[-1]
        probable = 1 / (1 + np.exp(-odds))
        loss = np.logaddexp(0, odds) - wanted * odds
        slope = (probable - wanted) * share
        whole = float(share @ loss) + hold / 2 * float(at[:-1] @ at[:-1])
        return whole, np.concatenate([rows.turned_times(slope) + hold * at[:-1], [slope.sum()]])

    found = lowest(objective, np.zeros(rows.width + 1), rounds=rounds)
    return found[:-1], float(found[-1])


def fit_classes(
    table: npt.NDArray[np.float32], classes: npt.NDArray[np.int64], count: int, *, hold: float, rounds: int = 50
) -> tuple[Array, Array]:
    """Return weights (one column a class) and biases of a multinomial logistic regression."""
    size, width = table.shape
    one_hot = np.zeros((size, count))
    one_hot[np.arange(size), classes] = 1

    def objective(at: Array) -> tuple[float, Array]:
        weights, biases = at[: width * count].reshape(width, count), at[width * count :]
        odds = table @ weights + biases
        odds -= odds.max(axis=1, keepdims=True)
        powers = np.exp(odds)
        sums = powers.sum(axis=1, keepdims=True)
        loss = float((np.log(sums[:, 0]) - odds[np.arange(size), classes]).mean())
        slope = (powers / sums - one_hot) / size
        whole = loss + hold / 2 * float((weights * weights).sum())
        return whole, np.concatenate([(table.T @ slope + hold * weights).ravel(), slope.sum(axis=0)])

    found = lowest(objective, np.zeros(width * count + count), rounds=rounds)
    return found[: width * count].reshape(width, count), found[width * count :]


def probabilities(odds: Array) -> Array:
    """Return the shares of the classes, row by row."""
    powers = np.exp(odds - odds.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def _bent(slope: Array, moves: list[Array], bends: list[Array]) -> Array:
    if not moves:
        first: Array = slope / max(1.0, float(np.abs(slope).sum()))
        return first
    bent = slope.copy()
    shares = []
    for move, bend in zip(reversed(moves), reversed(bends), strict=True):
        share = float(move @ bent) / float(bend @ move)
        shares.append(share)
        bent -= share * bend
    bent *= float(moves[-1] @ bends[-1]) / float(bends[-1] @ bends[-1])
    for move, bend, share in zip(moves, bends, reversed(shares), strict=True):
        bent += move * (share - float(bend @ bent) / float(bend @ move))
    return bent
