"""Area under the ROC curve: how likely a row of a class has a higher score than one of another (Hanley and McNeil, 1982)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spark_deepnet.metrics._scored_rows import ScoredRows
from spark_deepnet.metrics.metric import OfClasses

MAX_SCORES = 1 << 20
"""Different scores, of all classes, up to which all are kept; more are rounded until they are fewer."""
BITS = (12, 8, 5)
"""To which scores are rounded."""
CLASS, SCORE, NO, YES = range(4)


@dataclass(frozen=True, repr=False)
class AUC(OfClasses, kind="auc"):
    """P(score of a row of the class > score of another row) + P(equal) / 2, by row weights.

    Two classes: of class 1, by the difference of the scores. More: of each class against the rest by its probability (its
    score where there is none), and the mean of these, which is scikit-learn's roc_auc_score(multi_class="ovr"). Labels: the
    mean of theirs. Classes without rows inside or outside are left out.
    """

    def part(self, rows: ScoredRows) -> np.ndarray:
        """(m, 4): class, score, weight of the rows outside the class that have it, weight of those inside."""
        if rows.exclusive and rows.classes == 2:
            z = rows.scores
            scores, truth = (z[:, 1:] - z[:, :1] if z.shape[1] == 2 else z), rows.truth[:, 1:]
        else:
            scores, truth = (rows.probability if rows.exclusive else rows.scores), rows.truth
        each = [
            np.column_stack((np.full(len(s), c), s, rows.weights * ~t, rows.weights * t))
            for c, (s, t) in enumerate(zip(scores.T, truth.T, strict=True))
        ]
        return _packed(np.concatenate(each)) if each else np.zeros((0, 4))

    def merged(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        return _packed(np.concatenate(parts))

    def value(self, part: np.ndarray) -> float:
        areas = [_area(part[part[:, CLASS] == c]) for c in np.unique(part[:, CLASS])]
        known = [area for area in areas if not np.isnan(area)]
        return float(np.mean(known)) if known else float("nan")


def _packed(part: np.ndarray) -> np.ndarray:
    """Rows of one class and one score as one, in their order."""
    part = _unique(part)
    for bits in BITS:
        if len(part) > MAX_SCORES:
            mantissa, exponent = np.frexp(part[:, SCORE])
            part[:, SCORE] = np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)
            part = _unique(part)
    return part


def _unique(part: np.ndarray) -> np.ndarray:
    part = part[np.lexsort((part[:, SCORE], part[:, CLASS]))]
    if len(part) == 0:
        return part
    starts = np.flatnonzero(np.any(np.diff(part[:, :NO], axis=0, prepend=np.nan) != 0, axis=1))
    return np.column_stack((part[starts, :NO], np.add.reduceat(part[:, NO:], starts)))


def _area(part: np.ndarray) -> float:
    """Of one class's rows, by score."""
    no, yes = part[:, NO], part[:, YES]
    below = np.cumsum(no) - no / 2
    pairs = no.sum() * yes.sum()
    return float(yes @ below / pairs) if pairs > 0 else float("nan")
