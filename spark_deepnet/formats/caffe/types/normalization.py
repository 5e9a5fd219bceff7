"""Types that normalize: LRN, BatchNorm, MVN, Normalize."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.formats.caffe.types._windows import check_image
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.instance_norm import InstanceNorm
from spark_deepnet.layers.l2_normalize import L2Normalize
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.layers.local_response_norm import LocalResponseNorm
from spark_deepnet.layers.scale import Scale

_REGIONS = ("across_channels", "within_channel")


@reads("LRN", param="lrn_param", gives="local_response_norm")
def lrn(step: Step) -> Value:
    """Both regions; WITHIN_CHANNEL has k = 1 whatever the file says, as in Caffe."""
    region, k = _REGIONS[step.get("norm_region")], step.get("k")
    across = region == "across_channels"
    return step.add(
        LocalResponseNorm(
            int(step.get("local_size")), step.get("alpha"), step.get("beta"), k if across else 1.0, region=region
        )
    )


def _moments(blobs: Sequence[np.ndarray]) -> Arrays:
    """Mean and variance, which the third blob divides; 0 there means zeros."""
    factor = float(blobs[2].reshape(-1)[0])
    scale = np.float32(1 / factor if factor else 0)
    return {"moving_mean": blobs[0] * scale, "moving_variance": blobs[1] * scale}


@reads("BatchNorm", param="batch_norm_param", gives="batch_norm")
def batch_norm(step: Step) -> Value:
    """Without gamma and beta, which Caffe has in a Scale layer; the third blob divides the other two."""
    channels = step.values[0].shape[0]
    frozen = bool(step.get("use_global_stats")) if step.has("use_global_stats") else not step.reading.training
    layer = BatchNorm(step.get("moving_average_fraction"), step.get("eps"), center=False, scale=False, frozen=frozen)
    shapes = [(channels,), (channels,), (1,)]
    return step.add_weighted(layer, shapes, ("moving_mean", "moving_variance", ""), _moments)


@reads("MVN", param="mvn_param", gives="instance_norm")
def mvn(step: Step) -> Value:
    """The deviation plus eps divides, as in Caffe."""
    variance, across = bool(step.get("normalize_variance")), bool(step.get("across_channels"))
    return step.add(InstanceNorm(step.get("eps"), False, False, variance=variance, outside=True, across=across))


@reads("Normalize", param="norm_param", gives="l2_normalize, scale")
def normalize(step: Step) -> Value:
    """Of a fork (SSD): lengths over a place's channels or over an image, then a factor a channel or one for all."""
    check_image(step)
    channels, shared = step.values[0].shape[0], bool(step.get("channel_shared"))
    if shared and step.reading.training:
        raise step.refusal("channel_shared, one factor for all channels, is not trained; use channel_shared: false")
    axes = 3 if step.get("across_spatial") else 1
    x = step.add(L2Normalize(axes, max(step.get("eps"), 1e-30)), suffix="length")
    start = step.filler("scale_filler") if step.has("scale_filler") else "constant"
    layer = Scale(center=False, initializer=start)

    def gamma(blobs: Sequence[np.ndarray]) -> Arrays:
        return {"gamma": np.broadcast_to(blobs[0].reshape(-1), channels)}

    return step.add_weighted(layer, [() if shared else (channels,)], ["gamma"], gamma, x)
