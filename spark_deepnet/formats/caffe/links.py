"""Who makes and who reads each blob of a net: layers in place make a new version of a blob's name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from spark_deepnet.errors import FormatError, near
from spark_deepnet.formats.caffe.layer_spec import LayerSpec
from spark_deepnet.formats.caffe.registry import RECURRENT

Blob = tuple[int, int]
"""A layer's number and the number of its top."""


@dataclass(frozen=True)
class Links:
    """A net's layers and their blobs."""

    specs: Sequence[LayerSpec]
    bottoms: Sequence[tuple[Blob, ...]]
    """Of each layer the blobs that it reads."""
    last: dict[str, Blob]
    """Name -> its last version."""

    @staticmethod
    def of(specs: Sequence[LayerSpec]) -> Links:
        """The links of layers in their order; FormatError for a bottom that no layer makes and a top that two make."""
        last: dict[str, Blob] = {}
        bottoms = []
        for k, spec in enumerate(specs):
            for name in spec.bottoms:
                if name not in last:
                    raise spec.refusal(f"it reads {name!r}, which no earlier layer makes; {near(name, last)}")
            bottoms.append(tuple(last[name] for name in spec.bottoms))
            for j, name in enumerate(spec.tops):
                if name in last and name not in spec.bottoms:
                    other = specs[last[name][0]]
                    raise spec.refusal(f"it makes {name!r}, which layer {other.name!r} makes too")
                last[name] = (k, j)
        return Links(specs, bottoms, last)

    def name(self, blob: Blob) -> str:
        return self.specs[blob[0]].tops[blob[1]]

    def unread(self, without: Collection[str]) -> list[Blob]:
        """The blobs that no layer reads, except layers of these types, whose own tops do not count. What a Silence layer
        reads is no output."""
        read = {
            blob
            for spec, own in zip(self.specs, self.bottoms, strict=True)
            if spec.type not in without or spec.type == "Silence"
            for blob in own
        }
        blobs = [(k, j) for k, spec in enumerate(self.specs) for j in range(len(spec.tops))]
        return [blob for blob in blobs if blob not in read and self.specs[blob[0]].type not in without]

    def wanted(self, names: Sequence[str]) -> list[Blob]:
        """The blobs of these names: of blobs, or of layers with one top."""
        layers = {spec.name: (k, 0) for k, spec in enumerate(self.specs) if spec.tops}
        for name in names:
            if name not in self.last and name not in layers:
                known = [*self.last, *layers]
                raise FormatError(f"{self.specs[0].file}: outputs: there is no {name!r}; {near(name, known)}")
        return [self.last[name] if name in self.last else layers[name] for name in names]

    def values(self, k: int) -> tuple[Blob, ...]:
        """The blobs whose values a layer reads. A recurrent layer's second bottom only says where sequences begin: every
        row is one."""
        spec, blobs = self.specs[k], self.bottoms[k]
        if spec.type not in RECURRENT or len(blobs) < 2:
            return blobs
        if self.bottoms[blobs[1][0]] or len(blobs) > 2:
            raise spec.refusal(
                f"it reads {', '.join(map(repr, spec.bottoms))}; expected a sequence, and an input or data layer's top that "
                f"says where sequences begin"
            )
        return blobs[:1]

    def needed(self, blobs: Collection[Blob]) -> set[int]:
        """The numbers of the layers that these blobs are made from."""
        needed: set[int] = set()
        waiting = [blob[0] for blob in blobs]
        while waiting:
            k = waiting.pop()
            if k not in needed:
                needed.add(k)
                waiting += [blob[0] for blob in self.values(k)]
        return needed
