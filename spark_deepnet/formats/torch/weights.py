"""The weights of a safetensors file as arrays for given layers."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import numpy as np

from spark_deepnet.formats.arguments import path_of
from spark_deepnet.formats.given import InputShape, given_net
from spark_deepnet.formats.matching import Matching, wanted_of
from spark_deepnet.formats.torch.feature_order import feature_orders
from spark_deepnet.formats.torch.layouts import expected_arrays
from spark_deepnet.formats.torch.safetensors import stored_arrays
from spark_deepnet.formats.torch.state import state_groups
from spark_deepnet.net.net import Net

_log = logging.getLogger(__name__)
EPSILON = 1e-5
"""PyTorch's default of normalizations; files do not have it."""


def weights(
    path: str | os.PathLike[str],
    layers: Any,
    input_shape: InputShape = None,
    names: Mapping[str, str] | None = None,
    skip: Collection[str] = (),
) -> dict[str, np.ndarray]:
    """ "layer/weight" -> float32 array, from the state_dict of a PyTorch module in a .safetensors file.

    layers: those of the network, as DeepNetEstimator takes them. input_shape: the shape of a row, (height, width, channels)
    for images, (steps, features) for sequences; of several inputs a mapping from their names. names: the layer's name ->
    the module's. Layers that are not in it are matched by equal names, then by shapes, modules of equal shapes by the
    numbers in their names. skip: layers and modules that are left out.

    Where features are a flattened image, rows and columns are put from PyTorch's order, channels first, into this
    package's. FormatError with all arrays of either side that have no match; for pickles, damage, and other files.
    """
    net = given_net(layers, input_shape)
    orders = feature_orders(net)
    wanted = wanted_of(net, partial(expected_arrays, orders=orders))
    with stored_arrays(path_of(path, "a safetensors file")) as arrays:
        own = Matching(path, wanted, state_groups(arrays), ordered=False).arrays(names, skip)
    _warn_of_epsilon(net, skip or ())
    return own


def _warn_of_epsilon(net: Net, skip: Collection[str]) -> None:
    normalizations = {n.name: n.layer.epsilon for n in net.nodes if hasattr(n.layer, "epsilon") and n.name not in skip}
    other = [f"{name!r} ({epsilon:g})" for name, epsilon in normalizations.items() if epsilon != EPSILON]
    if other:
        _log.warning(
            "weights: epsilon of %s is not PyTorch's default, %g, and safetensors files do not have it; give the layers the "
            "epsilon of the modules",
            ", ".join(other),
            EPSILON,
        )
