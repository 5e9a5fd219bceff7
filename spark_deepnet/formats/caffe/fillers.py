"""Caffe's fillers as initializers."""

from __future__ import annotations

from typing import Any

from spark_deepnet.formats.caffe.layer_spec import LayerSpec


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
    sparse = {"sparse": int(filler.sparse)} if filler.sparse > 0 else {}
    return {"kind": "normal", "stddev": filler.std, "mean": filler.mean, **sparse}


def _xavier(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    """The variance 1 / n; n is fan_in unless variance_norm says otherwise."""
    return {"kind": "variance_scaling", "mode": _MODES[filler.variance_norm], "distribution": "uniform"}


def _msra(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    return {"kind": "variance_scaling", "scale": 2.0, "mode": _MODES[filler.variance_norm], "distribution": "normal"}


def _bilinear(spec: LayerSpec, filler: Any) -> dict[str, Any]:
    return {"kind": "bilinear"}


_MODES = ("fan_in", "fan_out", "fan_avg")
_FILLERS = {
    "constant": _constant,
    "uniform": _uniform,
    "gaussian": _gaussian,
    "xavier": _xavier,
    "msra": _msra,
    "bilinear": _bilinear,
}
