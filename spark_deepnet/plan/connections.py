"""What the Params and the session say of the workers' own connections: ports, encryption, compression, overlap."""

from __future__ import annotations

import logging
from typing import Any

from spark_deepnet.errors import ParamError
from spark_deepnet.exchange.certificate import made_identity
from spark_deepnet.plan.plan import ANY_PORT, COMPRESSIONS, NONE, TOPK, Recipe, TrainPlan

_log = logging.getLogger(__name__)


def to_port_range(value: Any) -> str:
    """'40000-40100': two ports, the first not above the last."""
    ends = value.split("-") if isinstance(value, str) else []
    if len(ends) != 2 or not all(end.isdecimal() for end in ends) or not 0 < int(ends[0]) <= int(ends[1]) < 1 << 16:
        raise ParamError(f"portRange: must be the first and the last port, as in '40000-40100', found {value!r}")
    return str(value)


def ports_of(port_range: str | None) -> tuple[int, int]:
    """The first and the last."""
    if port_range is None:
        return ANY_PORT
    first, last = port_range.split("-")
    return int(first), int(last)


def identity_for(by_spark: bool, encryption: str) -> bytes:
    """A new key and certificate, where the fit's connections are to be encrypted. by_spark: whether Spark's own are."""
    if encryption == "off" or (encryption == "auto" and not by_spark):
        return b""
    if not by_spark:
        _log.warning(
            "fit: connections between workers are encrypted, but Spark's own, over which their key travels, are not; set "
            "spark.authenticate and spark.network.crypto.enabled, or spark.ssl.rpc.enabled"
        )
    return made_identity()


def to_compression(value: Any) -> Any:
    """A name, or the name and its ratio."""
    told = value if isinstance(value, dict) else {"kind": value}
    kind, rest = told.get("kind"), {name: v for name, v in told.items() if name != "kind"}
    ratio = rest.pop("ratio", 1.0) if kind == TOPK else 1.0
    if kind not in COMPRESSIONS or rest or not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise ParamError(
            f"compression: must be 'none', 'fp16', 'topk' or {{'kind': 'topk', 'ratio': r}} with r above 0 and at most 1, "
            f"found {value!r}"
        )
    return value


def compression_of(value: Any) -> dict[str, Any]:
    """The recipe's fields."""
    if isinstance(value, str):
        return {"compression": value}
    return {"compression": value["kind"]} | {name: float(v) for name, v in value.items() if name == "ratio"}


def check_compression(recipe: Recipe) -> None:
    """Refuse what compressed gradients do not go with."""
    if recipe.compression == NONE:
        return
    if recipe.sync_every != 1:
        raise ParamError(
            f"compression: gradients are compressed, found syncEvery={recipe.sync_every or 'auto'}, by which weights are "
            f"exchanged, whole; leave one of the two unset"
        )
    if recipe.overlap:
        raise ParamError(
            f"compression: {recipe.compression!r} sums all gradients at once, overlap some after the others; leave one of "
            f"the two unset"
        )


def check_overlap(plan: TrainPlan) -> None:
    """Refuse a plan in which no gradients could be summed during the backward pass."""
    if not plan.recipe.overlap:
        return
    if plan.blocks > 1:
        raise ParamError(
            f"overlap: of a network in blocks all gradients are summed after the backward pass, found {plan.blocks} blocks; "
            f"leave overlap or modelBlocks unset"
        )
    if plan.recipe.sync_every != 1:
        raise ParamError(
            f"overlap: gradients are summed during the backward pass, found syncEvery={plan.recipe.sync_every or 'auto'}, "
            f"by which weights are exchanged; leave one of the two unset"
        )
