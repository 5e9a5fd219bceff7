"""Names of a state_dict as groups: everything before the parameter's own name is the module."""

from __future__ import annotations

import re
from collections.abc import Mapping

from spark_deepnet.formats.groups import Group, StoredArray

PARAMETERS = ("weight", "bias", "running_mean", "running_var", "in_proj_weight", "in_proj_bias")
RECURRENT = re.compile(r"((?:weight|bias)_(?:ih|hh))_l(\d{1,6})(_reverse)?")
NORMED = re.compile(r".*(weight_[gv]|parametrizations\.weight\.original[01]|weight_orig|weight_u)")
VALUE = "value"
"""The name of a parameter that is no module's."""


def state_groups(arrays: Mapping[str, StoredArray]) -> list[Group]:
    """The groups, sorted by their names and the numbers in them: files do not keep the order of modules."""
    modules: dict[str, dict[str, StoredArray]] = {}
    deep = {name.rpartition(".")[0] for name in arrays if re.search(r"(^|\.)weight_ih_l[1-9]", name)}
    attention = {name.rpartition(".")[0] for name in arrays if name.rpartition(".")[2] == "in_proj_weight"}
    for name, array in arrays.items():
        module, parameter = _parted(name, deep, attention)
        modules.setdefault(module, {})[parameter] = array
    groups = [Group(name, own, note=_note(name, own)) for name, own in modules.items()]
    return sorted(groups, key=lambda group: group.order)


def _parted(name: str, deep: set[str], attention: set[str]) -> tuple[str, str]:
    """Module and parameter. Of a recurrent module with several layers each is a group: lstm.l0, lstm.l1."""
    module, _, own = name.rpartition(".")
    recurrent = RECURRENT.fullmatch(own)
    if recurrent:
        parameter, layer, reverse = recurrent.groups()
        return (f"{module}.l{layer}".lstrip(".") if module in deep else module), parameter + (reverse or "")
    above, _, last = module.rpartition(".")
    if last == "out_proj" and above in attention:
        return above, f"out_proj.{own}"
    return (module, own) if own in PARAMETERS else (name, VALUE)


def _note(name: str, arrays: Mapping[str, StoredArray]) -> str:
    if NORMED.fullmatch(name) or any(key.startswith("weight_hr") for key in arrays):
        return "a parametrized weight; remove the parametrization (torch.nn.utils) before it is saved"
    return ""
