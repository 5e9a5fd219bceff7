"""The identity of a fit apart from its rows, under the names of Params; and where two fits differ."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.plan.plan import TrainPlan

PARAM_NAMES = {
    "optimizer": "solver",
    "epochs": "maxIter",
    "l1": "regParam (L1)",
    "l2": "regParam (L2)",
    "validated": "validationIndicatorCol",
    "entries": "inputShape",
    "ordered": "orderCol",
}
"""Params whose names differ from those of the recipe's fields."""
_MAX_CHARACTERS = 60  # characters of a value


class Difference(NamedTuple):
    """The values of one name in two fits."""

    name: str
    there: str
    here: str


def identity(plan: TrainPlan, rounds: bool) -> dict[str, Any]:
    """Everything apart from the rows that determines the final weights, as JSON values."""
    recipe = plan.recipe.plain_fields()
    unset = {"max_steps": 0, "ordered": "", "class_weights": (), "metrics": (), "monitor": "loss", "automatic": ()}
    unset |= {"sync_momentum": 0.0, "sync_rate": 1.0}
    for name, value in unset.items():  # as in checkpoints of earlier versions
        if recipe[name] == value:
            recipe.pop(name)
    fit = recipe.pop("architecture").to_json() | recipe | _compression(plan.recipe.compression)
    fit |= {"numTrainWorkers": plan.workers, "modelBlocks": plan.blocks, "exchange": "spark" if rounds else "sockets"}
    if plan.columns.held_out:
        fit["validationFraction"] = plan.columns.held_out
    if plan.initial:
        fit["initialModel"] = plan.initial
    values: dict[str, Any] = json.loads(json.dumps({_name(field): value for field, value in fit.items()}))
    return values


def _compression(compression: Compression | None) -> dict[str, Any]:
    """Its name and fields; the ratio has its default in every fit, as checkpoints of earlier versions have it."""
    spec = {} if compression is None else compression.to_json()
    spec.pop("kind", None)
    name = "none" if compression is None else compression.kind
    return {"compression": name} | {
        f"compression ({field})": value for field, value in ({"ratio": 0.01} | spec).items()
    }


def _name(field: str) -> str:
    """learning_rate -> learningRate"""
    head, *tail = field.split("_")
    return PARAM_NAMES.get(field, head + "".join(word.capitalize() for word in tail))


def difference(there: Any, here: Any, name: str = "") -> Difference | None:
    """The first place where two JSON values differ; None if they are equal."""
    if isinstance(there, dict) and isinstance(here, dict):
        dot = f"{name}." if name else ""
        return _first((there.get(k), here.get(k), f"{dot}{k}") for k in dict.fromkeys([*here, *there]))
    if isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        return _first((a, b, f"{name}[{i}]") for i, (a, b) in enumerate(zip(there, here, strict=True)))
    return None if there == here else Difference(name, _shown(there), _shown(here))


def _first(pairs: Any) -> Difference | None:
    differences = (difference(there, here, name) for there, here, name in pairs)
    return next((unlike for unlike in differences if unlike is not None), None)


def _shown(value: Any) -> str:
    if isinstance(value, list) and any(isinstance(v, dict) for v in value):
        return f"{len(value)} of them"
    text = json.dumps(value)
    return text if len(text) <= _MAX_CHARACTERS else f"{text[: _MAX_CHARACTERS - 3]}..."
