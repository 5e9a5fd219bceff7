"""Values of Params: checked, and as fields of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_deepnet.errors import ParamError
from spark_deepnet.spark.params.deepnet_params import DeepNetParams
from spark_deepnet.spark.params.table import DECLARATIONS


def check_ranges(params: DeepNetParams) -> None:
    """Refuse values that their Params do not allow."""
    for name, declared in DECLARATIONS.items():
        if declared.allowed is not None and params.isDefined(params.getParam(name)):
            value = params.getOrDefault(params.getParam(name))
            if not declared.allowed.test(value):
                raise ParamError(f"{name}: must be {declared.allowed.words}, found {value!r}")


def param_or_none(params: DeepNetParams, name: str) -> Any:
    """A Param's value; None where it is unset or empty."""
    param = params.getParam(name)
    return (params.getOrDefault(param) or None) if params.isDefined(param) else None


def names_of(params: DeepNetParams, columns: Sequence[str]) -> Sequence[str]:
    """The columns that fill an input: its own, or those of the Params."""
    return columns or param_or_none(params, "featuresCols") or [params.getFeaturesCol()]


def recipe_fields(params: DeepNetParams) -> dict[str, Any]:
    """The fields of the Recipe that are values of Params as they are."""
    return {
        each.recipe: params.getOrDefault(name)
        for name, each in DECLARATIONS.items()
        if each.recipe and params.isDefined(name)
    }


def plan_fields(params: DeepNetParams) -> dict[str, Any]:
    """The fields of the TrainPlan that are values of Params as they are."""
    return {each.plan: params.getOrDefault(name) for name, each in DECLARATIONS.items() if each.plan}
