"""The wiring of a network before shapes are known: the names of nodes and of their inputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from spark_deepnet.errors import NetworkError, near
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.output import Output

INPUT = "features"


@dataclass(frozen=True)
class Wire:
    """A future node: its name, its layer, and the names of its inputs."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


def wired(layers: Sequence[Layer], inputs: Iterable[str] | None = None) -> list[Wire]:
    """The wires of a list of layers, each of which reads only earlier ones.

    inputs: the names of the network's inputs; None: those of its Input layers, or of the features. NetworkError if a
    layer reads an unknown name, an input or a layer is read by none, or names recur.
    """
    own = input_names(layers)
    wirer = Wirer(own if inputs is None else inputs, given_names(layers))
    for layer in layers:
        wirer.take(layer)
    wirer.check_ends()
    return wirer.wires


def values_by_layer(layers: Sequence[Layer], inputs: Iterable[str]) -> dict[str, str]:
    """The name of a layer, or of an output -> the node that has its value, which is that of its activation."""
    wirer = Wirer(inputs, given_names(layers))
    for layer in layers:
        wirer.take(layer)
    outputs = {wire.layer.name: wire.inputs[0] for wire in wirer.wires if isinstance(wire.layer, Output)}
    return {name: node for name, node in outputs.items() if name is not None} | wirer.alias


def input_names(layers: Iterable[Layer]) -> list[str]:
    """The names of the Input layers; the features' name if there are none."""
    names = [layer.name or INPUT for layer in layers if isinstance(layer, Input)]
    if len(set(names)) < len(names):
        raise NetworkError(f"layers: Input layers need different names, found {names}")
    return names or [INPUT]


def given_names(layers: Iterable[Layer]) -> set[str]:
    """The names that layers were given, which no node that has none may take."""
    return {layer.name for layer in layers if layer.name is not None and not isinstance(layer, Output)}


class Wirer:
    """Takes layers one after another: names them, splits off activations, resolves their inputs."""

    def __init__(self, inputs: Iterable[str], given: Iterable[str] = ()) -> None:
        self.inputs = list(inputs)
        self.given = set(given)
        self.known = set(self.inputs)
        self.last = self.inputs[0]
        """The node that a layer without ``inputs`` reads."""
        self.alias: dict[str, str] = {}
        """A layer's name -> its last node, the activation."""
        self.layers: dict[str, str] = {}
        """An activation's node -> the name of the layer that it belongs to."""
        self.wires: list[Wire] = []
        self.outputs: set[str] = set()
        self.numbers: Counter[str] = Counter()
        """Kind -> the last number used in a name."""

    def take(self, layer: Layer) -> str:
        """Add a layer. Returns the name by which others read it."""
        if isinstance(layer, Input):
            return self._read(layer)
        return self._mark(layer) if isinstance(layer, Output) else self._add(layer)

    def reads_last(self, sources: Sequence[str]) -> bool:
        """Whether a layer that names no inputs would read these."""
        return [self.alias.get(s, s) for s in sources] == [self.last]

    def _read(self, layer: Input) -> str:
        """Continue from an input, whose name the caller has taken from the layer."""
        self.last = layer.name or INPUT
        if self.last not in self.inputs:
            raise NetworkError(f"layer {layer!r} is not an input of the network; {near(self.last, self.inputs)}")
        return self.last

    def _mark(self, layer: Output) -> str:
        """Add an output, which is a node that no layer can read."""
        (source,) = self._sources(layer, "output")
        name = self.layers.get(source, source) if layer.name is None else layer.name
        if source in self.inputs:
            raise NetworkError(f"layer {layer!r} marks the input {source!r}; an output must be that of a layer")
        if not _is_name(name) or name in self.outputs:
            raise NetworkError(f"layer {layer!r}: outputs need different names, found {name!r}; give it another name")
        self.outputs.add(name)
        self.wires.append(Wire(self._free(f"{name}/output"), replace(layer, name=name), (source,)))
        return self.wires[-1].name

    def _add(self, layer: Layer) -> str:
        name = self._name(layer)
        sources = self._sources(layer, name)
        for i, part in enumerate(layer.parts()):
            self.wires.append(Wire(name if i == 0 else self._free(f"{name}/{part.kind}"), part, sources))
            self.last = self.wires[-1].name
            self.known.add(self.last)
            sources = (self.last,)
        self.alias[name], self.layers[self.last] = self.last, name
        return name

    def _name(self, layer: Layer) -> str:
        if layer.name is not None:
            if not _is_name(layer.name) or self._taken(layer.name):
                raise NetworkError(f"layer {layer!r}: its name must be new, and a text, found {layer.name!r}")
            return layer.name
        while True:  # numbers stay taken: each is tried once
            self.numbers[layer.kind] += 1
            number = self.numbers[layer.kind]
            name = layer.kind if number == 1 else f"{layer.kind}_{number}"
            if not self._taken(name):
                return name

    def _taken(self, name: str) -> bool:
        return name in self.known or name in self.alias

    def _free(self, name: str) -> str:
        """The name, numbered if a layer was given it: names may contain slashes."""
        return unused(name, {*self.given, *self.known})

    def _sources(self, layer: Layer, name: str) -> tuple[str, ...]:
        names = (layer.inputs,) if isinstance(layer.inputs, str) else layer.inputs
        sources = tuple(self.alias.get(s, s) for s in names or (self.last,))
        for source in sources:
            if source not in self.known:
                raise NetworkError(
                    f"layer {name!r} reads {source!r}, which is not an earlier layer; {near(source, self.known)}"
                )
        if not layer.multi_input and len(sources) != 1:
            raise NetworkError(f"layer {name!r} ({layer.kind}) reads one layer, found {len(sources)}: {sources}")
        return sources

    def check_ends(self) -> None:
        """Refuse inputs that no layer reads, and more unread nodes than outputs."""
        read = {name for wire in self.wires for name in wire.inputs}
        for name in self.inputs:
            if name not in read:
                raise NetworkError(f"layers: the input {name!r} is read by no layer; read it, or remove it")
        ends = [w.name for w in self.wires if w.name not in read and not isinstance(w.layer, Output)]
        shown = " and ".join(map(repr, ends))
        if any(isinstance(wire.layer, Output) for wire in self.wires):
            if ends:
                raise NetworkError(
                    f"layers: {shown} {'are' if len(ends) > 1 else 'is'} read by no layer and marked by no Output; mark it "
                    f"too, or remove it"
                )
        elif len(ends) > 1:
            raise NetworkError(
                f"layers: {shown} are read by no layer, but a network has one output; join them, remove one, or put "
                f"an Output after each"
            )


def unused(name: str, taken: Collection[str]) -> str:
    """The name, numbered if it is taken."""
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in names if candidate not in taken)


def _is_name(name: object) -> bool:
    return isinstance(name, str) and name != ""
