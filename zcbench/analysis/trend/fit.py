"""Lines through a few dozen cells of a counter whose noise remembers, fitted by generalised least squares.

A heap's readings are not independent: caches breathe, collections come in rhythm. A fit that takes them for
independent is surer than it may be. Here the noise's memory is not guessed but averaged over: 21 covariances
from white noise to nearly a random walk, each weighted by how well it explains the readings (restricted
likelihood: Patterson & Thompson, Biometrika 58, 1971).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from zcbench.analysis.statistics import Student, crossing

Array = NDArray[np.float64]

# Noise is white to the share 1 - rho, and remembers for lag x the fit's length to the share rho.
_RHOS = (0.35, 0.7, 0.95, 1.0)
_LAGS = (0.02, 0.05, 0.12, 0.3, 1.0)
COVARIANCES = ((0.0, 1.0), *((rho, lag) for rho in _RHOS for lag in _LAGS))


@dataclass(frozen=True)
class Fits:
    """One model under every covariance, best one marked. Slopes are in units/s.

    ``slopes``, ``errors``, ``weights`` have the shape (covariances,); ``weights`` sum to 1. ``amplitude`` is
    that of the warm-up (units; 0 for a line) and ``likelihood`` the greatest log likelihood.
    """

    slopes: Array
    errors: Array
    weights: Array
    free: int
    best: int
    amplitude: float
    likelihood: float

    @property
    def slope(self) -> float:
        """Under the best covariance."""
        return float(self.slopes[self.best])

    @property
    def error(self) -> float:
        """The standard error of ``slope``."""
        return float(self.errors[self.best])

    def bound(self, probability: float) -> float:
        """The slope's quantile under the best covariance: Student's t."""
        return self.slope + Student(self.free).quantile(probability) * self.error

    def mixed(self, probability: float) -> float:
        """The slope's quantile under all covariances: a mixture of Student's t by their weights."""
        use = self.weights > 1e-9
        slopes, errors, weights = self.slopes[use], self.errors[use], self.weights[use]
        ends = slopes + Student(self.free).quantile(probability) * errors
        student = Student(self.free)

        def at(slope: float) -> tuple[float, float]:
            away = (slope - slopes) / errors
            return float(weights @ student.below(away)), float(weights @ (student.density(away) / errors))

        return crossing(at, probability, float(ends.min()), float(ends.max()))


def fits(t: Array, y: Array, resolution: float, others: Array, warming: Array) -> list[Fits]:
    """Fit a line with ``others``, then with each of ``warming`` besides. In that order.

    ``t`` (s) and ``y`` (units) have the shape (cells,); ``others`` (cells, any) and ``warming`` (cells, any)
    hold a regressor a column. ``y`` is known to ``resolution`` only: resolution²/12 is added to the noise's
    variance, so that a counter that does not move is not known without an error. Times must differ, and there
    must be more cells than regressors.
    """
    span = float(t[-1] - t[0])
    x = (t - t[0]) / span
    level = float(y.mean())
    columns = np.column_stack([np.ones_like(x), x - 0.5, others, warming, y - level])
    lower, log_det = _choleskys(tuple(np.round(x, 4)))
    white = np.linalg.solve(lower, np.broadcast_to(columns, (len(lower), *columns.shape)))
    gram = np.swapaxes(white, 1, 2) @ white
    plain = 2 + others.shape[1]
    line = list(range(plain))
    models = [line, *([*line, plain + k] for k in range(warming.shape[1]))]
    return [_fit(gram, log_det, model, y.size, resolution, span) for model in models]


def _fit(gram: Array, log_det: Array, model: list[int], cells: int, resolution: float, span: float) -> Fits:
    inner = gram[:, model][:, :, model]
    right = gram[:, model, -1]
    inverse = np.linalg.inv(inner)
    weights = np.einsum("kij,kj->ki", inverse, right)
    free = cells - len(model)
    rest = np.maximum(gram[:, -1, -1] - (weights * right).sum(axis=1), 0.0)
    rest = rest + free * resolution**2 / 12
    variance = rest / free
    errors = np.sqrt(variance * inverse[:, 1, 1])
    restricted = -0.5 * (free * np.log(variance) + log_det + np.linalg.slogdet(inner)[1])
    likelihood = -0.5 * (cells * np.log(rest / cells) + log_det)
    best = int(restricted.argmax())
    mixture = np.exp(restricted - restricted[best])
    return Fits(
        slopes=weights[:, 1] / span,
        errors=errors / span,
        weights=mixture / mixture.sum(),
        free=free,
        best=best,
        amplitude=float(weights[best, -1]) if len(model) > 2 else 0.0,
        likelihood=float(likelihood.max()),
    )


@lru_cache(maxsize=8)
def _choleskys(x: tuple[float, ...]) -> tuple[Array, Array]:
    """The lower factors of all covariances at ``x``, shape (covariances, cells, cells), and their
    log determinants."""
    at = np.asarray(x)
    apart = np.abs(at[:, None] - at[None, :])
    unit = np.eye(at.size)
    factors = np.stack(
        [
            np.linalg.cholesky((1 - rho) * unit + rho * np.exp(-apart / lag) + 1e-9 * unit)
            for rho, lag in COVARIANCES
        ]
    )
    return factors, 2 * np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
