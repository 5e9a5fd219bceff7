"""A network from layers that the user gives, over inputs of given shapes, for the weights of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, ParamError
from spark_deepnet.formats.arguments import mapping_of, sizes_of
from spark_deepnet.formats.foreign import Foreign
from spark_deepnet.formats.groups import listed
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer, Shape
from spark_deepnet.layers.output import Output
from spark_deepnet.losses.loss import Loss
from spark_deepnet.net.handles import layers_of
from spark_deepnet.net.net import INPUT, Net
from spark_deepnet.net.wires import input_names
from spark_deepnet.plan.architecture import loss_of_top

InputShape = Sequence[int] | Mapping[str, Sequence[int]] | None


def given_net(layers: Any, input_shape: InputShape) -> Net:
    """The network of layers (a list, or the handle of the output). input_shape: of one row; of several inputs a mapping
    from their names; None: as the Input layers say."""
    own = layers_of(layers)
    return Net.of(own, _shapes(own, input_shape))


def given_network(layers: Any, input_shape: InputShape, arrays: Mapping[str, np.ndarray], loss: Any = None) -> Foreign:
    """The network with all of its weights, "layer/weight" -> array. loss: of outputs that have none of their own; None: the
    one whose link the last layer is (softmax, sigmoid, exponential), else squared."""
    arrays = mapping_of(arrays, "weights", "a mapping from the names of weights to arrays")
    own = layers_of(layers)
    net = Net.of(own, _shapes(own, input_shape))
    weights = {slot.name: slot.weight.shape for slot in net.layout.slots}
    faults = [f"{name!r} {shape} is missing" for name, shape in weights.items() if name not in arrays]
    faults += [f"{name!r} is no weight of the layers" for name in arrays if name not in weights]
    given = {name: np.asarray(arrays[name]) for name in weights if name in arrays}
    wrong = {name: array.shape for name, array in given.items() if array.shape != weights[name]}
    faults += [f"{name!r} is {shape}, expected {weights[name]}" for name, shape in wrong.items()]
    if faults:
        raise FormatError(f"weights: the arrays are not those of the layers: {listed(faults)}")
    losses = [Loss.of(loss_of_top(top.layer, top.shape) if loss is None else loss) for top in net.tops]
    return Foreign(_with_losses(own, losses), dict(net.inputs), given, losses[0])


def _with_losses(layers: Sequence[Layer], losses: Sequence[Loss]) -> tuple[Layer, ...]:
    """The layers, an Output that has no loss with that of its top."""
    own = iter(losses)
    pairs = ((layer, next(own) if isinstance(layer, Output) else None) for layer in layers)
    return tuple(
        replace(layer, loss=loss) if isinstance(layer, Output) and layer.loss is None else layer
        for layer, loss in pairs
    )


def _shapes(layers: Sequence[Layer], input_shape: InputShape) -> dict[str, Shape]:
    """Input -> the shape of a row."""
    names = input_names(layers)
    sizes = {layer.name or INPUT: layer.sizes for layer in layers if isinstance(layer, Input)}
    if input_shape is not None and not isinstance(input_shape, Mapping) and len(names) > 1:
        raise ParamError(f"inputShape: the layers have the inputs {names}; give a mapping from these to shapes")
    given = input_shape if isinstance(input_shape, Mapping) else {names[0]: input_shape}
    return {name: _shape(name, given.get(name), sizes.get(name)) for name in names}


def _shape(name: str, given: Any, own: Shape | None) -> Shape:
    shape = own if given is None and own is not None and own[0] != -1 else given
    if shape is None:
        raise ParamError(f"inputShape: give the shape of a row of {name!r}, such as (28, 28, 1) or (784,)")
    return sizes_of(shape, f"a row of {name!r}")
