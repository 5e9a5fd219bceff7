"""Which foreign group of arrays belongs to which layer: by given names, by equal names, by order and shapes."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.arguments import mapping_of, names_of
from spark_deepnet.formats.groups import MAX_LISTED, Group, listed
from spark_deepnet.layers.layer import Arrays, Shape
from spark_deepnet.net.net import Net
from spark_deepnet.net.node import Node


@dataclass(frozen=True)
class Expected:
    """The arrays that a layer may be made of in another framework."""

    shapes: Mapping[str, Shape]
    convert: Callable[[Arrays], Arrays]
    """The foreign arrays -> the layer's own by name."""

    def fits(self, group: Group) -> bool:
        return {key: array.shape for key, array in group.arrays.items()} == dict(self.shapes)


@dataclass(frozen=True, eq=False)
class Wanted:
    """A layer that has weights."""

    node: Node
    expected: Sequence[Expected]
    """Alternatives, the usual one first."""

    def match(self, group: Group) -> Expected | None:
        if group.kinds is not None and self.node.layer.kind not in group.kinds:
            return None
        return next((each for each in self.expected if each.fits(group)), None)

    @property
    def shown(self) -> str:
        if not self.expected:
            return f"{self.node.name!r} ({self.node.layer.kind}), whose kind has no counterpart in such files"
        shapes = self.expected[0].shapes.items()
        arrays = listed([f"{key} {shape}" if not key.isdigit() else f"{shape}" for key, shape in shapes])
        return f"{self.node.name!r} ({self.node.layer.kind}) with {arrays}"


def wanted_of(net: Net, expected: Callable[[Node], Sequence[Expected]]) -> list[Wanted]:
    """The layers of a network that have weights of their own. expected: what each is made of."""
    return [Wanted(node, expected(node)) for node in net.nodes if node.layer.share is None and node.weights()]


@dataclass
class Matching:
    """Layers and groups that are matched one after another. ordered: whether the groups are in the model's order."""

    path: str | os.PathLike[str]
    layers: list[Wanted]
    groups: list[Group]
    ordered: bool
    pairs: list[tuple[Wanted, Group]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def arrays(self, names: Mapping[str, str] | None, skip: Collection[str]) -> dict[str, np.ndarray]:
        """ "layer/weight" -> array, C-contiguous float32; FormatError with all of either side that have no match."""
        self._leave_out(names_of(skip, "skip"))
        self._by_given_names(mapping_of(names, "names", "a mapping from the layers' names to those in the file"))
        self._by_equal_names()
        self._by_shapes()
        if self.faults:
            raise FormatError(
                f"{self.path}: the weights are not those of the layers: {'; '.join(self.faults[:MAX_LISTED])}"
                f"{self._more()}; names={{layer: name in the file}} says which belong together, skip= leaves some out"
            )
        named: dict[str, np.ndarray] = {}
        for wanted, group in self.pairs:
            expected = wanted.match(group)
            assert expected is not None
            own = expected.convert({key: array.read() for key, array in group.arrays.items()})
            named |= {f"{wanted.node.name}/{key}": np.ascontiguousarray(own[key], np.float32) for key in own}
        return named

    def _more(self) -> str:
        return f"; and {len(self.faults) - MAX_LISTED} more" if len(self.faults) > MAX_LISTED else ""

    def _leave_out(self, skip: Collection[str]) -> None:
        known = {wanted.node.name for wanted in self.layers} | {name for group in self.groups for name in group.names}
        for name in skip:
            if name not in known:
                raise FormatError(f"{self.path}: skip: neither layers nor file have {name!r}; {near(name, known)}")
        self.layers = [wanted for wanted in self.layers if wanted.node.name not in skip]
        self.groups = [group for group in self.groups if not set(group.names) & set(skip)]

    def _by_given_names(self, names: Mapping[str, str]) -> None:
        layers = {wanted.node.name: wanted for wanted in self.layers}
        groups = {name: group for group in reversed(self.groups) for name in group.names[::-1]}
        for own, foreign in names.items():
            if own not in layers:
                raise FormatError(f"{self.path}: names: no layer with weights is called {own!r}; {near(own, layers)}")
            if not isinstance(foreign, str) or foreign not in groups:
                raise FormatError(f"{self.path}: names: the file has no {foreign!r}; {near(str(foreign), groups)}")
            if groups[foreign] not in self.groups:
                raise FormatError(
                    f"{self.path}: names: {foreign!r} is given to two layers; each takes arrays of its own"
                )
            self._pair(layers[own], groups[foreign])

    def _pair(self, wanted: Wanted, group: Group) -> None:
        self.layers.remove(wanted)
        self.groups.remove(group)
        if wanted.match(group) is None:
            self.faults.append(f"layer {wanted.shown} does not fit {group.shown}")
        self._take(wanted, group)

    def _take(self, wanted: Wanted, group: Group) -> None:
        """Refuses a layer that computes otherwise with the same arrays."""
        own = getattr(wanted.node.layer, "epsilon", None)
        if None not in (own, group.epsilon) and own != group.epsilon:
            self.faults.append(f"layer {wanted.node.name!r} has epsilon={own:g}, {group.name!r} has {group.epsilon:g}")
        self.pairs.append((wanted, group))

    def _by_equal_names(self) -> None:
        """If each layer that the user has named is in the file, and fits, they belong together."""
        groups = {name: group for group in self.groups for name in group.names}
        own = [wanted for wanted in self.layers if wanted.node.layer.name is not None]
        same = [(wanted, groups[wanted.node.name]) for wanted in own if wanted.node.name in groups]
        if same and len(same) == len(own) and all(wanted.match(group) for wanted, group in same):
            for wanted, group in same:
                self._pair(wanted, group)

    def _by_shapes(self) -> None:
        """Layers and groups that can be exchanged with one another are paired in their orders."""
        fitting = self._fitting()
        waiting = dict.fromkeys([*self.layers, *self.groups])
        while waiting:
            members = _reached(next(iter(waiting)), fitting)
            layers = [each for each in self.layers if each in members]
            groups = [each for each in self.groups if each in members]
            if fault := self._fault(layers, groups):
                self.faults.append(fault)
            else:
                for wanted, group in zip(layers, groups, strict=True):
                    self._take(wanted, group)
            for each in members:
                del waiting[each]

    def _fitting(self) -> dict[Wanted | Group, list[Any]]:
        """Layer -> the groups that fit it, and group -> the layers."""
        shaped: dict[Any, list[Group]] = {}
        for group in self.groups:
            shaped.setdefault(frozenset((k, a.shape) for k, a in group.arrays.items()), []).append(group)
        fitting: dict[Any, list[Any]] = {each: [] for each in [*self.layers, *self.groups]}
        for wanted in self.layers:
            near_shapes = [g for each in wanted.expected for g in shaped.get(frozenset(each.shapes.items()), [])]
            for group in dict.fromkeys(near_shapes):
                if wanted.match(group):
                    fitting[wanted].append(group)
                    fitting[group].append(wanted)
        return fitting

    def _fault(self, layers: list[Wanted], groups: list[Group]) -> str:
        """Why these cannot be paired in their orders; "" if they can."""
        own, foreign = ([each.shown for each in side] for side in (layers, groups))
        if not groups:
            return f"nothing in the file fits layer {listed(own)}"
        if not layers:
            return f"no layer fits {listed(foreign)}"
        if len(layers) != len(groups):
            return f"layers {listed(own)} are {len(layers)}, but {listed(foreign)} are {len(groups)}"
        unclear = not self.ordered and len({group.template for group in groups}) > 1
        if unclear or not all(wanted.match(group) for wanted, group in zip(layers, groups, strict=True)):
            names = listed([repr(group.name) for group in groups])
            return f"it is unclear which of {names} belongs to which of {listed([repr(w.node.name) for w in layers])}"
        return ""


def _reached(first: Wanted | Group, fitting: Mapping[Wanted | Group, Sequence[Any]]) -> set[Wanted | Group]:
    """All that hang together with the first."""
    reached: set[Wanted | Group] = {first}
    waiting: list[Any] = [first]
    while waiting:
        more = set(fitting[waiting.pop()]) - reached
        reached |= more
        waiting += more
    return reached
