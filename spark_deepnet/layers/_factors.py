"""Factors of the learning rate and of weight decay, which a layer's fields give for each of its weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from spark_deepnet.errors import NetworkError, ParamError, near
from spark_deepnet.layers._weight import Weight


def factored(layer: Any, weights: Mapping[str, Weight]) -> dict[str, Weight]:
    """The weights with the factors of the layer's fields ``trainable``, ``rates`` and ``decays``."""
    if layer.trainable and layer.rates is None and layer.decays is None:
        return dict(weights)
    return {name: _factored(layer, name, weight) for name, weight in weights.items()}


def _factored(layer: Any, name: str, weight: Weight) -> Weight:
    rate = (layer.rates or {}).get(name, weight.rate) if layer.trainable else 0.0
    decay = (layer.decays or {}).get(name)
    if weight.trained:
        weight = replace(weight, rate=float(rate))
    return weight if decay is None else replace(weight, decays=decay > 0, decay=float(decay))


def check_factors(layer: Any, weights: Iterable[str]) -> None:
    """Refuse factors of weights that the layer does not have, or that belong to another layer."""
    if layer.share is not None and not (layer.trainable and layer.rates is None and layer.decays is None):
        raise NetworkError(
            f"layer {layer!r} uses the weights of {layer.share!r}, which alone can have trainable, rates or decays"
        )
    for field in ("rates", "decays"):
        for name in getattr(layer, field) or {}:
            if name not in weights:
                raise NetworkError(
                    f"layer {layer!r}: {field} names no weight of it, found {name!r}; {near(name, weights)}"
                )


def check_values(layer: Any) -> None:
    """Raise a ParamError unless the fields are what they have to be."""
    kind = type(layer).__name__
    if not isinstance(layer.trainable, bool):
        raise ParamError(f"{kind}: trainable must be True or False, found {layer.trainable!r}")
    for field, example in (("rates", '{"W": 1.0, "b": 2.0}'), ("decays", '{"W": 1.0, "b": 0.0}')):
        factors = getattr(layer, field)
        if factors is not None and not (isinstance(factors, Mapping) and all(map(_is_factor, factors.values()))):
            right = f"must be weights with factors of at least 0, as in {example}"
            raise ParamError(f"{kind}: {field} {right}, found {factors!r}")


def _is_factor(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value >= 0
