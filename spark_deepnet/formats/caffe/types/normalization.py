"""Types that normalize: LRN, BatchNorm, MVN."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spark_deepnet.formats.axes import Value
from spark_deepnet.formats.caffe.registry import reads
from spark_deepnet.formats.caffe.step import Step
from spark_deepnet.layers.batch_norm import BatchNorm
from spark_deepnet.layers.layer import Arrays
from spark_deepnet.layers.local_response_norm import LocalResponseNorm

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
    frozen = step.get("use_global_stats") if step.has("use_global_stats") else not step.reading.training
    step.get("use_global_stats")
    if frozen and step.reading.training:
        raise step.refusal("use_global_stats in training is not supported")
    layer = BatchNorm(step.get("moving_average_fraction"), step.get("eps"), center=False, scale=False)
    shapes = [(channels,), (channels,), (1,)]
    return step.add_weighted(layer, shapes, ("moving_mean", "moving_variance", ""), _moments)
