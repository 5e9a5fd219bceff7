"""What a layer is: a frozen declaration that knows its shapes, its weights, its forward and its backward pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, ClassVar, Protocol

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.layers._handle import Handle, called
from spark_deepnet.layers._masking import Masking, lengths_by_shape, with_steps
from spark_deepnet.registry import Member

Shape = tuple[int, ...]
Arrays = dict[str, np.ndarray]
PIECE = 32768
"""Bytes whose copy stays in the first cache."""


@dataclass(frozen=True)
class Part:
    """Which entries of a whole weight an array holds, by axis; None: all."""

    shape: Shape
    """Of the whole."""
    entries: tuple[np.ndarray | None, ...]

    @property
    def index(self) -> Any:
        """What picks the part from the whole."""
        return np.ix_(*(np.arange(n) if e is None else e for n, e in zip(self.shape, self.entries, strict=True)))


@dataclass(frozen=True)
class Weight:
    """A weight that a layer asks for: its shape, how it starts, and how it is treated in a step."""

    shape: Shape
    initializer: Initializer
    fan_in: int = 1
    fan_out: int = 1
    decays: bool = True
    """Whether regParam and the decay of adamw and lamb reach it: not so for biases."""
    trained: bool = True
    """False for what a layer keeps up by itself in forward, such as running statistics: no step touches it."""
    part: Part | None = None
    """Of a network that is cut: which part of the weight this is; the rest belongs to other blocks."""


@dataclass(frozen=True)
class Piece:
    """What one block runs of a layer whose weights are cut: a layer over fewer inputs or outputs, and which entries of
    the weights are its own, as weight -> axis -> entries; axes that are not named are whole."""

    layer: Layer
    weights: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchange:
    """A vector that all blocks of a network that is cut exchange in a step."""

    size: int
    """Numbers a row: of the whole vector."""
    summed: bool = True
    """Else each block's own part of it goes to all, or is summed there alone."""


class Blocks(Protocol):
    """The blocks that one network is cut into, as its layers see them: all call the same, in the same order."""

    def sum(self, vector: np.ndarray) -> None:
        """The vector becomes the sum of all blocks' vectors."""

    def gather(self, chunks: Sequence[np.ndarray]) -> None:
        """Each block's chunk goes to all: chunk b is block b's."""

    def scatter(self, chunks: Sequence[np.ndarray]) -> None:
        """At block b, chunk b becomes the sum of all blocks' chunks b; the others are lost."""


def _alone(vector: np.ndarray) -> None:
    """The sum over one rank."""


@dataclass
class Call:
    """The circumstances of one pass of one layer over n rows."""

    training: bool = False
    key: np.uint64 = np.uint64(0)
    """A key of this layer in this step, for random layers."""
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    """(n,) uint64: a number that belongs to each row wherever it lies, so that random layers do not depend on the
    number of workers."""
    lengths: np.ndarray | None = None
    """(n,) int32: of each row's first axis, how many entries are real; the rest of x and dy are zeros, and the rest of
    y and dx are set to zero afterwards. None: all are real. Those of several inputs are equal."""
    updates: int | None = None
    """How many steps the fit had made before this one; None: not known, or many."""
    refreshes: bool = False
    """Whether the pass is made for the sake of running statistics alone, ``updates`` such passes after the first: they
    become the means over the passes."""
    total: Callable[[np.ndarray], None] = _alone
    """Sums a float64 vector over all ranks, in place: for layers whose result depends on the whole batch."""
    blocks: Blocks | None = None
    """The other blocks of a network that is cut; None: it is whole."""
    exchange_now: bool = True
    """Whether the blocks exchange in this pass; else each goes by what it remembers of the others' last one."""
    saved: Arrays = field(default_factory=dict)
    """The arrays that ``saves`` declared, n rows each: filled by forward, read by backward."""


@dataclass(frozen=True, repr=False)
class Layer(Member, family="layers"):
    """The base of all layers. Shapes leave out the rows: an input of shape (i,) arrives as an array (n, i).

    ``forward`` writes y and ``backward`` writes dx (None where nobody needs it) and every array of gradients; both leave
    their inputs as they are, though dx may be the same memory as dy and, where ``reads`` has no "x", y the same as x.
    Inputs may have any strides; outputs are C-contiguous. All floats of a call are of one dtype, float32 or float64.
    A layer with ``multi_input`` gets tuples: of shapes, of x, of dx.
    """

    name: str | None = field(default=None, kw_only=True)
    """The node's name in the network; None: the kind, numbered where it recurs."""
    inputs: tuple[str, ...] | None = field(default=None, kw_only=True)
    """The names of the nodes that it reads; None: the one before it in the list."""

    share: str | None = field(default=None, kw_only=True)
    """The name of an earlier layer whose weights this one uses and trains too; they must be of the same shapes."""

    is_input: ClassVar[bool] = False
    """Whether it is an input of the network, which reads no layer."""
    multi_input: ClassVar[bool] = False
    """Whether it joins several inputs."""
    needs_all_reduce: ClassVar[bool] = False
    """Whether forward or backward calls ``call.total``: then every rank must pass, also with no rows."""
    reads: ClassVar[str] = "x"
    """What backward reads of the forward pass: some of "x" and "y". The rest may be overwritten in between."""
    channelwise: ClassVar[bool] = False
    """Whether each entry of the output's last axis needs that entry of the input's (and of the weights') alone."""
    by_row: ClassVar[tuple[str, ...]] = ()
    """Weights of which an entry of x wants one row alone, that of its column. A layer that names some may get x as Csr
    (layers/_csr.py), with dx None; of these weights ``gradients`` then has the rows ``x.seen`` alone. A class that is made
    from another names them again."""
    in_place: ClassVar[bool] = False
    """Whether dx is written over dy, though backward reads x."""

    def __call__(self, *sources: Any) -> Handle:
        """The handle of this layer over what others give: handles or Input layers, one by one or in a list. A layer that
        is called again uses the weights of its first call."""
        return called(self, sources)

    def parts(self) -> tuple[Layer, ...]:
        """The layers that do its work one after another: itself without its activation, then the activation."""
        activation = getattr(self, "activation", None)
        if activation is None:
            return (self,)
        return (replace(self, activation=None), Layer.of(activation))  # type: ignore[call-arg]

    def shape(self, x: Any) -> Shape:
        """The output's shape for the input's, or a NetworkError that says what would fit."""
        return x  # type: ignore[no-any-return]

    def masking(self, x: Any) -> Masking:
        """How the layer keeps padding out of its result where rows are sequences of different lengths along their first
        axis. A layer that overrides this keeps its word in ``forward`` and ``backward``; the default is exact for any
        layer that computes each row by itself."""
        if self.needs_all_reduce or self.exchanges(x):
            return Masking.ZEROS  # all ranks and blocks call the same, whatever their rows' lengths
        steps = (x[0] if self.multi_input else x)[0]
        try:
            longer = self.weights(with_steps(x, steps + 1))
        except NetworkError:
            return Masking.BY_LENGTH
        same = {k: w.shape for k, w in longer.items()} == {k: w.shape for k, w in self.weights(x).items()}
        return Masking.BY_LENGTH if same else Masking.FULL_LENGTH

    def lengths(self, x: Any, lengths: np.ndarray) -> np.ndarray | None:
        """The output's lengths for the input's, exactly; None where the output has no axis of steps. A row of no steps
        has none behind any layer."""
        return None if self.masking(x) is Masking.FULL_LENGTH else lengths_by_shape(self.shape, x, lengths)

    def cut_length(self, length: int) -> int:
        """Of a layer that runs BY_LENGTH: to how many entries a row of that length is cut."""
        return length

    def weights(self, x: Any) -> dict[str, Weight]:
        """The weights that it needs for an input of that shape, by name."""
        return {}

    def saves(self, x: Any) -> dict[str, tuple[Shape, Any]]:
        """What forward keeps for backward beside x and y: name -> (shape of one row, dtype; None: the floats')."""
        return {}

    def cut_outputs(self, x: Shape, block: int, blocks: int) -> tuple[Piece, np.ndarray] | None:
        """The piece that makes a block's share of the output's last axis from the whole input, and which entries these
        are; None: it cannot. No more blocks are asked for than the axis has entries."""
        return None

    def cut_inputs(self, x: Shape, entries: np.ndarray, first: bool) -> Piece | None:
        """The piece that makes, from these entries of the input's last axis, its part of a sum over all blocks, which
        is the output; what is to be added once belongs to the ``first``."""
        return None

    def cut_sum(self, x: Shape, block: int, blocks: int) -> Piece | None:
        """The piece that makes, from the whole input, its part of a sum over all blocks, which is the output."""
        return None

    def cut_through(self, x: Any, entries: Any) -> tuple[Piece, np.ndarray] | None:
        """The piece that needs nothing but these entries of the input's last axis, and which entries of the output's it
        makes. A layer with ``multi_input`` gets a tuple of entries."""
        first = entries[0] if self.multi_input else entries
        if not self.channelwise or (self.multi_input and not all(np.array_equal(first, other) for other in entries)):
            return None
        return Piece(self, {name: {-1: first} for name in self.weights(x)}), first

    def exchanges(self, x: Any) -> tuple[Exchange, ...]:
        """Of a layer in a network that is cut: what it exchanges with the other blocks, forward and backward."""
        return ()

    def multiply_adds(self, x: Any) -> int:
        """Multiply-adds of one row's forward pass in matrix products."""
        return 0

    def forward(self, w: Arrays, x: Any, y: np.ndarray, call: Call) -> None:
        raise NotImplementedError

    def backward(
        self, w: Arrays, x: Any, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        raise NotImplementedError


class StepwiseLayer(Layer):
    """The base of layers that give one step for each of theirs, for which zeros behind a row's last step change nothing
    before it."""

    def mixed_axes(self) -> int:
        """How many of the last axes it mixes; where the steps are among them, they are features."""
        return 0

    def masking(self, x: Any) -> Masking:
        axes = len(x[0] if self.multi_input else x)
        return Masking.ZEROS if self.mixed_axes() < axes else Masking.FULL_LENGTH

    def lengths(self, x: Any, lengths: np.ndarray) -> np.ndarray | None:
        return lengths if self.masking(x) is Masking.ZEROS else None


class Activation(StepwiseLayer):
    """A layer that works element by element: ``value`` and ``gradient`` see flat arrays."""

    reads: ClassVar[str] = "y"
    channelwise: ClassVar[bool] = True
    in_place: ClassVar[bool] = True

    def value(self, x: np.ndarray, y: np.ndarray) -> None:
        """y_i = f(x_i)"""
        raise NotImplementedError

    def gradient(self, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: np.ndarray) -> None:
        """dx_i = f'(x_i) dy_i, from x or from y, whichever ``reads`` names."""
        raise NotImplementedError

    def forward(self, w: Arrays, x: np.ndarray, y: np.ndarray, call: Call) -> None:
        apart(self.value, (x.reshape(-1),), y.reshape(-1))

    def backward(
        self, w: Arrays, x: np.ndarray, y: np.ndarray, dy: np.ndarray, dx: Any, gradients: Arrays, call: Call
    ) -> None:
        if dx is not None:
            apart(self.gradient, (x.reshape(-1), y.reshape(-1), dy.reshape(-1)), dx.reshape(-1))


def apart(function: Callable[..., None], inputs: tuple[np.ndarray, ...], out: np.ndarray) -> None:
    """function(*inputs, out) over flat arrays, piece by piece where out is the memory of an input, which is copied first:
    compiled loops run many numbers at once only over arrays that do not overlap, up to ten times faster."""
    if not any(np.may_share_memory(a, out) for a in inputs):
        function(*inputs, out)
        return
    count = PIECE // out.itemsize
    rooms = [np.empty(count, out.dtype) if np.may_share_memory(a, out) else None for a in inputs]
    for i in range(0, out.size, count):
        part = out[i : i + count]
        function(*(_copied(a[i : i + count], room) for a, room in zip(inputs, rooms, strict=True)), part)


def _copied(part: np.ndarray, room: np.ndarray | None) -> np.ndarray:
    """The part's copy in the room, or itself where there is none"""
    if room is None:
        return part
    room[: part.size] = part
    return room[: part.size]


def share_of(count: int, block: int, blocks: int) -> np.ndarray:
    """Which of so many entries are a block's: a stretch, of a length that differs by one at most."""
    each, more = divmod(count, blocks)  # as np.array_split, without the others' stretches
    start = block * each + min(block, more)
    return np.arange(start, start + each + (block < more))


def rows_of(x: np.ndarray, shape: Shape) -> np.ndarray:
    """x as a matrix (n, all the rest)."""
    return x.reshape(len(x), prod(shape))
