"""What a layer is: a frozen declaration that knows its shapes, its weights, its forward and its backward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from spark_deepnet.errors import NetworkError
from spark_deepnet.layers._arrays import Arrays, Shape
from spark_deepnet.layers._call import Call
from spark_deepnet.layers._handle import Handle, called
from spark_deepnet.layers._masking import Masking, lengths_by_shape, with_steps
from spark_deepnet.layers._splitting import Exchange
from spark_deepnet.layers._weight import Weight
from spark_deepnet.registry import Member


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

    trainable: bool = field(default=True, kw_only=True)
    """False: a fit leaves its weights as they are, bit for bit, as rates of 0 do."""
    rates: Any = field(default=None, kw_only=True)
    """Factors of the learning rate by weight, such as {"W": 1.0, "b": 2.0} (Caffe's lr_mult); 0: the weight is frozen.
    Weights that are not named have 1."""
    decays: Any = field(default=None, kw_only=True)
    """Factors of regParam and of the decay of adamw and lamb by weight (Caffe's decay_mult). Weights that are not named have
    1, but biases, gamma and beta have 0."""

    is_input: ClassVar[bool] = False
    """Whether it is an input of the network, which reads no layer."""
    multi_input: ClassVar[bool] = False
    """Whether it joins several inputs."""
    needs_all_reduce: ClassVar[bool] = False
    """Whether forward or backward calls ``call.total``: then every rank must pass, also with no rows."""
    is_random: ClassVar[bool] = False
    """Whether forward draws random numbers in training."""
    reads: ClassVar[str] = "x"
    """What backward reads of the forward pass: some of "x" and "y". The rest may be overwritten in between."""
    channelwise: ClassVar[bool] = False
    """Whether each entry of the output's last axis needs that entry of the input's (and of the weights') alone."""
    by_row: ClassVar[tuple[str, ...]] = ()
    """Weights of which an entry of x wants one row alone, that of its column. A layer that names some may get x as Csr
    (layers/_csr.py), with dx None; of these weights ``gradients`` then has the rows ``x.seen`` alone. A class that is made
    from another names them again."""
    min_part_rows: ClassVar[int] = 8
    """The fewest rows that a thread computes where a pass over many is cut in two, so that each row takes about as long as
    in the whole; 0: the layer is not cut, or cuts itself."""
    in_place: ClassVar[bool] = False
    """Whether dx is written over dy, though backward reads x."""

    @classmethod
    def instead_of(cls, what: Any) -> str:
        """A size among layers is meant as Dense."""
        is_size = isinstance(what, int) and not isinstance(what, bool)
        return f"; among layers a size is written Dense({what})" if is_size else super().instead_of(what)

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


@dataclass(frozen=True)
class Piece:
    """What one block runs of a layer whose weights are cut: a layer over fewer inputs or outputs, and which entries of
    the weights are its own, as weight -> axis -> entries; axes that are not named are whole."""

    layer: Layer
    weights: Mapping[str, Mapping[int, np.ndarray]] = field(default_factory=dict)
