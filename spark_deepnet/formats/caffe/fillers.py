"""Caffe's fillers as initializers."""

from __future__ import annotations

from typing import Any

from spark_deepnet.formats.caffe.layer_spec import LayerSpec

FAN_IN = 0


def initializer_of(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    """The initializer of a FillerParameter, as JSON."""
    kind = filler.type or "constant"
    if kind not in _FILLERS:
        raise spec.refusal(f"filler {kind!r} is not supported; known are {', '.join(sorted(_FILLERS))}")
    return _FILLERS[kind](spec, filler)


def _constant(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    return {"kind": "constant", "value": filler.value} if filler.value else {"kind": "constant"}


def _uniform(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    return {"kind": "uniform", "low": filler.min, "high": filler.max}


def _gaussian(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    if filler.sparse >= 0:
        raise spec.refusal("filler 'gaussian' has sparse, which is not supported")
    return {"kind": "normal", "stddev": filler.std, "mean": filler.mean}


def _xavier(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    return {"kind": "glorot_uniform"}


def _msra(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    return {"kind": "he_normal"}


_FILLERS = {"constant": _constant, "uniform": _uniform, "gaussian": _gaussian, "xavier": _xavier, "msra": _msra}
