"""What the reader of a layer type gets: the layer of the file, its values, and where its layers and blobs go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, NetworkError, ParamError
from spark_deepnet.formats.axes import Assembly, Value
from spark_deepnet.formats.caffe.fillers import initializer_of
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.layers.layer import Arrays, Layer, Shape

IGNORED = frozenset({"engine", "force_nd_im2col", "stable_prod_grad", "debug_info"})
"""Options that change how Caffe computes, not what."""
FACTORED = frozenset({"W", "U", "b", "E", "gamma", "beta", "alpha"})
DECAYING = frozenset({"W", "U", "E"})
"""Weights that decay unless a layer says otherwise."""
MAX_ROW_NUMBERS = 1 << 27
MAX_WEIGHT_NUMBERS = 1 << 31

Convert = Callable[[Sequence[np.ndarray]], Arrays]


@dataclass(frozen=True)
class Blobs:
    """The blobs of a layer of the file, and the weights that they become."""

    node: str
    layer: str
    """The name in the file."""
    type: str
    shapes: tuple[Shape, ...]
    """In the file."""
    convert: Convert
    """Blobs, in their shapes, to weights by their own names, or by full names ("node/weight") for those of other nodes."""


@dataclass
class Reading:
    """What is collected while a net is read."""

    training: bool
    assembly: Assembly = field(default_factory=Assembly)
    blobs: list[Blobs] = field(default_factory=list)
    owners: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Name of a shared blob -> the node and blob that had it first."""
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    """Weights that no blob has: "node/weight" -> array."""
    batch: int | None = None
    """The first axis of the net's inputs."""


class Step:
    """One layer of the file on its way into the network."""

    def __init__(self, reading: Reading, spec: LayerSpec, values: Sequence[Value], param: str | None) -> None:
        self.reading, self.spec, self.values = reading, spec, list(values)
        self.options: Any = getattr(spec.message, param) if param else None
        self.param, self._read = param, set[str]()

    def get(self, name: str) -> Any:
        """An option of the layer, or its default."""
        self._read.add(name)
        return getattr(self.options, name)

    def has(self, name: str) -> bool:
        """Whether an option is set in the file."""
        self._read.add(name)
        return bool(self.options.HasField(name))

    def check_options(self) -> None:
        """Refuse options that no one has asked for and that differ from their defaults."""
        for option, value in self.options.ListFields() if self.param else ():
            unread = option.name not in self._read | IGNORED
            if unread and (hasattr(value, "extend") or option.message_type or value != option.default_value):
                raise self.refusal(f"{self.param} has {option.name}: {str(value)[:60]}, which is not supported")

    def refusal(self, why: str) -> FormatError:
        return self.spec.refusal(why)

    def axis(self, name: str = "axis", value: Value | None = None) -> int:
        """An option that names an axis, as that of a row of a value, counted from 0."""
        x, axis = value or self.values[0], int(self.get(name))
        shape, rows = x.shape, 1 if x.steps_first else 0
        own = axis + len(shape) + 1 if axis < 0 else axis
        if not 0 <= own <= len(shape) or own == rows:
            raise self.refusal(
                f"{name} {axis} is not an axis of a row of its input, which is {shape}; the axis of rows ({rows}) stays"
            )
        return own - (own > rows)

    def filler(self, name: str) -> Any:
        """The initializer of a filler."""
        return initializer_of(self.spec, self.get(name))

    def rates(self, count: int) -> tuple[tuple[float, float], ...]:
        """(lr_mult, decay_mult) of each of ``count`` blobs."""
        params = list(self.spec.message.param)[:count]
        given = [(float(p.lr_mult), float(p.decay_mult)) for p in params]
        return (*given, *[(1.0, 1.0)] * (count - len(given)))

    def add(self, layer: Layer, *values: Value, suffix: str = "") -> Value:
        """The value of a layer over what is held of values (by default all bottoms)."""
        return self._checked(self.reading.assembly.add(self._name(suffix), layer, *(values or self.values)))

    def add_foreign(self, layer: Layer, *values: Value, suffix: str = "") -> Value:
        """The value of a layer over the file's order of axes."""
        return self._checked(self.reading.assembly.add_foreign(self._name(suffix), layer, *(values or self.values)))

    def check_rows_first(self) -> None:
        """Refuse values with steps first, where a layer would need to know which axis is that of rows."""
        if any(value.steps_first for value in self.values):
            raise self.refusal("it is not read behind inputs with steps first, as recurrent layers have them")

    def held_axis(self, name: str = "axis") -> int:
        """The same axis in what is held; -1 for the last."""
        x = self.values[0]
        axis = x.held_axis(self.axis(name))
        return -1 if axis == len(x.shape) - 1 else axis

    def _name(self, suffix: str) -> str:
        return f"{self.spec.name}.{suffix}" if suffix else self.spec.name or self.spec.type

    def _checked(self, value: Value) -> Value:
        if prod(value.shape) > MAX_ROW_NUMBERS:
            raise self.refusal(
                f"a row of its output {value.shape} would have {prod(value.shape)} numbers; the limit is {MAX_ROW_NUMBERS}"
            )
        return value

    def add_weighted(
        self,
        layer: Layer,
        shapes: Sequence[Shape],
        keys: Sequence[str],
        convert: Convert,
        *values: Value,
        foreign: bool = False,
        suffix: str = "",
    ) -> Value:
        """The value of a layer whose weights are blobs of these shapes in the file. keys: the weight that each becomes."""
        for shape in shapes:
            if prod(shape) > MAX_WEIGHT_NUMBERS:
                raise self.refusal(f"a blob {tuple(shape)} would have {prod(shape)} numbers; the limit is 2^31")
        share = self._shared(len(shapes))
        layer = replace(layer, share=share) if share else self.with_factors(layer, keys)
        value = (self.add_foreign if foreign else self.add)(layer, *values, suffix=suffix)
        if share is None:
            node, own = self.reading.assembly.last, tuple(map(tuple, shapes))
            self.reading.blobs.append(Blobs(node, self.spec.name, self.spec.type, own, convert))
            self._own_names(node)
        return value

    def with_factors(self, layer: Layer, keys: Sequence[str], first: int = 0) -> Layer:
        """The layer with lr_mult and decay_mult of its weights, where they are not the layer's own: 1, but no decay for
        biases and the like, which Caffe has. Moving statistics, which no step changes, have none.
        first: the number of the blob that is the first of these."""
        given = self.rates(first + len(keys))[first:]
        pairs = {key: pair for key, pair in zip(keys, given, strict=True) if key in FACTORED}
        rates = {key: rate for key, (rate, _) in pairs.items() if rate != 1}
        decays = {key: decay for key, (_, decay) in pairs.items() if decay != (key in DECAYING)}
        return replace(layer, rates=rates or None, decays=decays or None)

    def _names(self) -> list[str]:
        return [param.name for param in self.spec.message.param]

    def _own_names(self, node: str) -> None:
        for k, name in enumerate(self._names()):
            if name:
                self.reading.owners.setdefault(name, (node, k))

    def _shared(self, count: int) -> str | None:
        """The node whose weights the layer shares by the names of its blobs."""
        owners = [self.reading.owners.get(name) for name in self._names()[:count] if name]
        known = [owner for owner in owners if owner is not None]
        if not known:
            return None
        nodes = {node for node, _ in known}
        if len(nodes) > 1 or [k for _, k in known] != list(range(count)):
            raise self.refusal("it shares some of its blobs with another layer, which is done for all of them or none")
        return nodes.pop()


def checked_call(spec: LayerSpec, read: Callable[[], Any]) -> Any:
    """The result of a call; errors of layers become errors of the file's layer."""
    try:
        return read()
    except FormatError:
        raise
    except (NetworkError, ParamError) as error:
        raise spec.refusal(str(error)) from None
