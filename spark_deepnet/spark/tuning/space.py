"""What a random search draws from: lists, and distributions such as those of scipy.stats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pyspark.ml.base import Estimator
from pyspark.ml.param import Param
from pyspark.ml.util import MetaAlgorithmReadWrite

from spark_deepnet.errors import ParamError, near

MAX_REPEATS = 100
"""Draws in a row of what was drawn before, after which a space has nothing new."""
ParamMap = dict[Param[Any], Any]


def param_of(estimator: Estimator[Any], key: Any) -> Param[Any]:
    """A Param by itself, or by its name if it is one of the estimator's own; ParamError where it is not known."""
    if isinstance(key, Param):
        if key.parent not in MetaAlgorithmReadWrite.getUidMap(estimator):  # which fits would pass over in silence
            raise ParamError(
                f"space: {key.name!r} is a Param of {key.parent}, which is not among {estimator.uid}'s stages"
            )
        return key
    if not isinstance(key, str) or not estimator.hasParam(key):
        names = [param.name for param in estimator.params]
        hint = near(key, names) if isinstance(key, str) else "give Params or their names"
        raise ParamError(f"space: {type(estimator).__name__} has no Param {key!r}; {hint}")
    return estimator.getParam(key)


def check_space(space: Any) -> None:
    """Refuse a space with nothing to draw."""
    if not isinstance(space, Mapping) or not space:
        raise ParamError(
            f"space: expected a dictionary of Params, as in {{'learningRate': scipy.stats.loguniform(1e-4, 0.1)}}, found "
            f"{space!r:.80}"
        )
    for key, values in space.items():
        name = key.name if isinstance(key, Param) else key
        if isinstance(values, Sequence) and not isinstance(values, str):
            if not len(values):
                raise ParamError(f"space: {name!r} has an empty list; give it values to choose from")
        elif not hasattr(values, "rvs"):
            raise ParamError(
                f"space: {name!r} needs a list to choose from or a distribution of scipy.stats, such as "
                f"loguniform(1e-4, 0.1), found {values!r:.80}"
            )


def draw(estimator: Estimator[Any], space: Mapping[Any, Any], count: int, seed: int) -> list[ParamMap]:
    """``count`` different samples of the space, or all where it has fewer; the first ones are the same for any count."""
    random, samples, known = np.random.default_rng(seed), list[ParamMap](), set[str]()
    params = {param_of(estimator, key): values for key, values in space.items()}
    repeats = 0
    while len(samples) < count and repeats < MAX_REPEATS:
        sample = {param: _drawn(values, random) for param, values in params.items()}
        text = repr(list(sample.values()))
        repeats = repeats + 1 if text in known else 0
        if text not in known:
            known.add(text)
            samples.append(sample)
    return samples


def _drawn(values: Any, random: np.random.Generator) -> Any:
    """One of a list, or a number of a distribution, as Python has it."""
    if isinstance(values, Sequence):
        return values[int(random.integers(len(values)))]
    value = values.rvs(random_state=random)
    return value.item() if isinstance(value, np.generic | np.ndarray) else value
