"""Which layers a phase has: the include and exclude rules of Caffe's nets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from spark_deepnet.errors import FormatError, ParamError
from spark_deepnet.formats.caffe.layer_spec import LayerSpec

PHASES = {"train": 0, "test": 1}


@dataclass(frozen=True)
class State:
    """The state of a net: a phase, a level and stages."""

    phase: str = "test"
    level: int = 0
    stages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.phase not in PHASES:
            raise ParamError(f"phase must be 'train' or 'test', found {self.phase!r}")

    def meets(self, rule: Any) -> bool:
        """Whether the state meets all that a rule asks for."""
        return (
            not (rule.HasField("phase") and rule.phase != PHASES[self.phase])
            and not (rule.HasField("min_level") and self.level < rule.min_level)
            and not (rule.HasField("max_level") and self.level > rule.max_level)
            and set(rule.stage) <= set(self.stages)
            and not set(rule.not_stage) & set(self.stages)
        )

    def has(self, spec: LayerSpec) -> bool:
        layer = spec.message
        if layer.include and layer.exclude:
            raise spec.refusal("it has both include and exclude rules, of which Caffe takes one kind")
        if layer.include:
            return any(map(self.meets, layer.include))
        return not any(map(self.meets, layer.exclude))


def layers_in(state: State, specs: Sequence[LayerSpec]) -> list[LayerSpec]:
    """The layers that the net has in this state."""
    present = [spec for spec in specs if state.has(spec)]
    if specs and not present:
        raise FormatError(
            f"{specs[0].file}: no layer is left in phase {state.phase!r} with stages {list(state.stages)}; the file has "
            f"{_known(specs)}"
        )
    return present


def stages_of(specs: Iterable[LayerSpec]) -> list[str]:
    """The stages that the rules of a net name."""
    rules = (rule for spec in specs for rule in (*spec.message.include, *spec.message.exclude))
    return sorted({stage for rule in rules for stage in (*rule.stage, *rule.not_stage)})


def _known(specs: Iterable[LayerSpec]) -> str:
    stages = stages_of(specs)
    return f"the stages {', '.join(stages)}" if stages else "layers of the other phase alone"
