"""What the Params and the session say of the workers' own connections: ports, encryption, compression, overlap."""

from __future__ import annotations

import logging
from typing import Any

from spark_deepnet.errors import DeepNetError, ParamError
from spark_deepnet.exchange.certificate import made_identity
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.plan.plan import ANY_PORT, Recipe, TrainPlan

NO_COMPRESSION = "none"
EXAMPLE = {"kind": "topk", "ratio": 0.05}
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
    """'none', the name of a compression, or its name and fields as in {'kind': 'topk', 'ratio': 0.05}."""
    kind, reason = value.get("kind") if isinstance(value, dict) else value, ""
    if value == NO_COMPRESSION or kind in Compression.names():
        try:
            compression_of(value)
            return value
        except DeepNetError as error:
            reason = f" ({error})"
    names = ", ".join(map(repr, [NO_COMPRESSION, *Compression.names()]))
    raise ParamError(f"compression: must be {names} or a name with fields, as in {EXAMPLE}, found {value!r}{reason}")


def compression_of(value: Any) -> Compression | None:
    """The compression that a value of the Param names."""
    return None if value == NO_COMPRESSION else Compression.of(value)


def check_compression(recipe: Recipe) -> None:
    """Refuse what compressed gradients do not go with."""
    if recipe.compression is None:
        return
    if recipe.sync_every != 1:
        raise ParamError(
            f"compression: gradients are compressed, found syncEvery={recipe.sync_every or 'auto'}, by which weights are "
            f"exchanged, whole; leave one of the two unset"
        )
    if recipe.overlap:
        raise ParamError(
            f"compression: {recipe.compression.kind!r} sums all gradients at once, overlap some after the others; leave one "
            f"of the two unset"
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
