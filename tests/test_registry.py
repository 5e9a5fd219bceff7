"""The laws of a family: names, near names, JSON there and back, classes of a user's own."""

from __future__ import annotations

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spark_deepnet import synonyms
from spark_deepnet.errors import ParamError, UnknownNameError, UnknownParamError
from spark_deepnet.exchange.algorithms.algorithm import Algorithm
from spark_deepnet.exchange.compressions.compression import Compression
from spark_deepnet.initializers.initializer import Initializer
from spark_deepnet.layers.dense import Dense
from spark_deepnet.layers.input import Input
from spark_deepnet.layers.layer import Layer
from spark_deepnet.layers.output import Output
from spark_deepnet.layers.relu import Relu
from spark_deepnet.losses.loss import Loss
from spark_deepnet.metrics.metric import Metric
from spark_deepnet.optimizers.lbfgs import Lbfgs
from spark_deepnet.optimizers.optimizer import Optimizer
from spark_deepnet.registry import FAMILIES, Member, class_from_folder
from spark_deepnet.schedules.schedule import Schedule
from spark_deepnet.schedules.step import Step
from tests.cases import algorithms, compressions, initializers, layers, losses, metrics, optimizers, schedules

ROOTS = [Algorithm, Compression, Initializer, Layer, Loss, Metric, Optimizer, Schedule]
TABLES: dict[type[Member], list[Any]] = {
    Algorithm: [case.algorithm for case in algorithms.ALGORITHMS],
    Compression: [case.compression for case in compressions.COMPRESSIONS],
    Initializer: [row.initializer for row in initializers.INITIALIZERS],
    Layer: [row.layer for row in layers.LAYERS],
    Loss: [row.loss for row in losses.ROWS],
    Metric: [row.metric for row in metrics.ROWS],
    Optimizer: [*(row.optimizer for row in optimizers.ROWS), Lbfgs()],
    Schedule: [row.schedule for row in schedules.ROWS],
}
"""The members of all rows of the tables."""
OTHERS = [Input(sizes=(-1, 2), column=("a", "b")), Output("huber", weight=0.5, column="a")]
MEMBERS = list({repr(member): member for members in [*TABLES.values(), OTHERS] for member in members}.values())
KINDS = [(root, kind) for root in ROOTS for kind in root.names()]

OWN_MODULE = """
from dataclasses import dataclass
from spark_deepnet.layers.layer import Layer

@dataclass(frozen=True, repr=False)
class Swirl(Layer, kind="swirl"):
    turns: int = 1
"""


@dataclass(frozen=True, repr=False)
class Toy(Member, family="toys"):
    """A family for these tests."""


@dataclass(frozen=True, repr=False)
class Box(Toy, kind="box", version=2):
    """A toy that holds toys."""

    size: int
    inner: tuple[Any, ...] = ()
    label: str | None = field(default=None, kw_only=True)


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys have no folder, so their names are what is in the book."""
    monkeypatch.setattr(Toy, "names", classmethod(lambda cls: sorted(cls._book)))


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of a user's own, on the path and not yet imported."""
    (tmp_path / "my_swirls.py").write_text(OWN_MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_swirls"
    sys.modules.pop("my_swirls", None)
    Layer._book.pop("swirl", None)


@pytest.mark.parametrize(("root", "kind"), KINDS)
def test_a_file_holds_the_kind_that_it_is_named_after(root: type[Member], kind: str) -> None:
    found = root.named(kind)
    assert (found.kind, found.family) == (kind, root.family)
    assert found.__name__.lower() == kind.replace("_", "")
    assert found.__doc__


@pytest.mark.parametrize(("root", "kind"), KINDS)
def test_a_folder_gives_its_classes_by_name(root: type[Member], kind: str) -> None:
    package = importlib.import_module(root.folder())
    assert getattr(package, root.named(kind).__name__) is root.named(kind)


@pytest.mark.parametrize("root", ROOTS)
def test_the_base_and_private_files_are_no_kinds(root: type[Member]) -> None:
    assert root.__module__.rpartition(".")[2] not in root.names()
    assert [name for name in root.names() if name.startswith("_")] == []


@pytest.mark.parametrize("member", [Dense(3), Dense(3, activation=Relu(name="r")), Step(2.0, unit="rows"), Relu()])
def test_json_there_and_back(member: Member) -> None:
    text = json.dumps(member.to_json())
    assert type(member).of(json.loads(text)) == member


@pytest.mark.parametrize("member", [Box(1), Box(2, (Box(1), Box(3, label="x"))), Box(0, (1, 2.5, "a", None, True))])
def test_json_of_nested_members_and_plain_values(member: Toy) -> None:
    assert Toy.of(json.loads(json.dumps(member.to_json()))) == member


def test_json_leaves_defaults_out() -> None:
    assert Dense(3).to_json() == {"kind": "layers.dense.v1", "units": 3}
    assert Step(2.0, gamma=0.5).to_json() == {"kind": "schedules.step.v1", "every": 2.0, "gamma": 0.5}


@pytest.mark.parametrize(
    ("member", "text"),
    [
        (Dense(3), "Dense(3)"),
        (Dense(3, bias=False, name="top"), "Dense(3, name='top', bias=False)"),
        (Dense(3, activation=Relu()), "Dense(3, activation=Relu())"),
        (Step(2.0), "Step(2.0)"),
        (Relu(), "Relu()"),
    ],
)
def test_a_member_prints_as_the_code_that_makes_it(member: Member, text: str) -> None:
    assert repr(member) == text
    assert eval(text, {"Dense": Dense, "Relu": Relu, "Step": Step}) == member


@pytest.mark.parametrize("what", [Dense(3), {"kind": "layers.dense.v1", "units": 3}, {"kind": "dense", "units": 3}])
def test_of_takes_a_member_or_its_json(what: Any) -> None:
    assert Layer.of(what) == Dense(3)


def test_of_takes_a_name() -> None:
    assert Layer.of("relu") == Relu()


@pytest.mark.parametrize(
    ("family", "theirs", "kind"), [(f, *pair) for f, names in synonyms.MEMBERS.items() for pair in names.items()]
)
def test_a_name_of_another_library_is_a_kind(family: str, theirs: str, kind: str) -> None:
    root = next(root for root in ROOTS if root.family == family)
    assert theirs not in root.names()
    assert root.of(theirs) == root.of(kind)


def test_fields_of_other_libraries_are_none_of_ours() -> None:
    ours = {f.name for root in ROOTS for kind in root.installed() for f in fields(root.named(kind))}
    assert not ours & set(synonyms.FIELDS)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: Layer.of("dens"), UnknownNameError, r"layers: there is no 'dens'; did you mean 'dense'\?"),
        (lambda: Toy.of("zzz"), UnknownNameError, "toys: there is no 'zzz'; known are box"),
        (lambda: Layer.of(7), ParamError, "layers: expected .* found int 7"),
        (lambda: Layer.of(Step(1.0)), ParamError, "layers: expected .* found Step"),
        (lambda: Layer.of({"units": 3}), ParamError, "layers: expected .* found dict"),
        (lambda: Layer.of("dense"), ParamError, r"Dense needs units, as in Dense\(units=\.\.\.\)"),
        (lambda: Layer.of({"kind": "dense", "unit": 3}), ParamError, r"no field 'unit'; did you mean 'units'\?"),
        (lambda: Layer.of({"kind": "layers.dense.v99", "units": 3}), UnknownNameError, "newer .* knows version 1"),
        (lambda: Toy.of({"kind": "box.v3", "size": 1}), UnknownNameError, "newer .* knows version 2"),
        (lambda: Layer.of({"kind": "swirl", "module": "no_such"}), UnknownNameError, "'no_such'.*install it on every"),
        (lambda: Dense(0), ParamError, "Dense: units must be .*, found 0"),
        (lambda: Layer.of(7), ParamError, r"found int 7; among layers a size is written Dense\(7\)"),
        (lambda: Layer.of(Dense), ParamError, r"found the class Dense; write Dense\(\.\.\.\)"),
        (lambda: Dense(3, unit=4), UnknownParamError, r"Dense has no field 'unit'; did you mean 'units'\?"),  # type: ignore[call-arg]
        (lambda: Dense(3, use_bias=False), TypeError, "Dense has no field 'use_bias'; use 'bias'"),  # type: ignore[call-arg]
        (lambda: Dense(3, input_shape=(4,)), TypeError, "'input_shape'; use the estimator's 'inputShape'"),  # type: ignore[call-arg]
        (lambda: Relu(return_sequences=True), TypeError, "no field 'return_sequences'; known are .*inputs, name"),  # type: ignore[call-arg]
        (lambda: Dense(), ParamError, r"Dense needs units, as in Dense\(units=\.\.\.\)"),  # type: ignore[call-arg]
    ],
)
def test_a_wrong_spec_is_answered_in_one_sentence(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_a_short_kind_inside_a_field_is_left_to_the_member_that_holds_it() -> None:
    spec = {"kind": "relu"}
    assert Toy.of({"kind": "box", "size": 1, "inner": [spec]}) == Box(1, (spec,))


def test_a_version_of_old_is_read() -> None:
    assert Toy.of({"kind": "toys.box.v1", "size": 4}) == Box(4)


def test_a_class_of_a_users_module_is_imported_by_its_json(own_module: str) -> None:
    spec = {"kind": "layers.swirl.v1", "module": own_module, "turns": 5}
    layer = Layer.of(spec)
    assert type(layer).__module__ == own_module
    assert layer.to_json() == spec


def test_a_users_kind_is_among_the_names_once_it_is_defined(own_module: str) -> None:
    assert "swirl" not in Layer.names()
    importlib.import_module(own_module)
    assert "swirl" in Layer.names()


@pytest.mark.parametrize("module", [["x"], {"a": 1}, 3, "", "no_such"])
def test_the_module_of_a_class_that_is_known_is_not_asked(module: Any) -> None:
    assert Layer.of({**Dense(3).to_json(), "module": module}) == Dense(3)


HALF_READ = """
import time
from dataclasses import dataclass
from {base} import {family}

@dataclass(frozen=True, repr=False)
class Slow({family}, kind="slow"):
    def cost(self):
        return cost()

time.sleep(0.5)  # the class is in the book, and its file has not been read to its end

def cost():
    return 7
"""
FOLDER = {
    "shelf/__init__.py": "",
    "shelf/thing.py": "from spark_deepnet.registry import Member\n\nclass Thing(Member, family='things'):\n    pass\n",
    "shelf/slow.py": HALF_READ.format(base="shelf.thing", family="Thing"),
    "my_slow.py": HALF_READ.format(base="shelf.thing", family="Thing"),
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Member]]:
    """A family of its own folder, whose files take their time."""
    (tmp_path / "shelf").mkdir()
    for name, text in FOLDER.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("shelf.thing").Thing
    for module in [name for name in sys.modules if name.partition(".")[0] in ("shelf", "my_slow")]:
        del sys.modules[module]
    FAMILIES.pop("things")


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("shelf.slow", lambda root: root.named("slow")()),
        ("my_slow", lambda root: root.of({"kind": "things.slow.v1", "module": "my_slow"})),
    ],
    ids=["of the family's folder", "of a user's module"],
)
def test_a_member_is_whole_while_another_thread_imports_it(
    module: str, found: Callable[[type[Member]], Any], shelf: type[Member]
) -> None:
    """Ranks that were threads found an algorithm whose functions below its class did not exist yet."""
    thread = threading.Thread(target=importlib.import_module, args=(module,))
    thread.start()
    while "slow" not in shelf._book:
        time.sleep(0.001)
    assert found(shelf).cost() == 7
    thread.join()


def test_families_are_in_the_book_of_families() -> None:
    assert {root.family for root in ROOTS} <= set(FAMILIES)


@pytest.mark.parametrize("root", ROOTS)
def test_a_folder_tells_all_its_classes(root: type[Member]) -> None:
    """To ``dir`` and to ``import *``, the base among them."""
    package, own = root.folder(), {}
    exec(f"from {package} import *", own)
    expected = {root.named(kind).__name__ for kind in root.names()} | {root.__name__}
    assert expected == set(dir(importlib.import_module(package))) == set(own) - {"__builtins__"}
    assert all(issubclass(own[name], root) for name in expected)


@pytest.mark.parametrize("name", ["Densest", "_Dense", "dense_"])
def test_a_folder_has_no_other_names(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute {name!r}"):
        class_from_folder("spark_deepnet.layers", name)


def numpys(value: Any) -> list[Any]:
    """The same value as NumPy may hold it."""
    if isinstance(value, bool):
        return [np.bool_(value), np.array(value)]
    if isinstance(value, int):
        return [np.int64(value), np.int32(value), np.int16(value), np.array(value)]
    if isinstance(value, float):
        halves = [kind(value) for kind in (np.float32, np.float16) if float(kind(value)) == value]
        return [np.float64(value), np.array(value), np.longdouble(value), *halves]
    if isinstance(value, str):
        return [np.str_(value)]
    if isinstance(value, tuple) and value and all(isinstance(v, int | float | tuple) for v in value):
        return [np.array(value), tuple(numpys(v)[0] for v in value)]
    return []


def values_of(member: Any) -> dict[str, Any]:
    return {f.name: getattr(member, f.name) for f in fields(member) if f.init}


@pytest.mark.parametrize("root", ROOTS)
def test_every_kind_is_in_a_table(root: type[Member]) -> None:
    assert set(root.names()) - {member.kind for member in TABLES[root]} <= {"input", "output"}


@pytest.mark.parametrize("member", MEMBERS, ids=repr)
def test_a_member_takes_numpys_values_and_keeps_pythons(member: Member) -> None:
    """Every field of every row of the tables."""
    values = values_of(member)
    for name, value in values.items():
        for same in numpys(value):
            made = type(member)(**values | {name: same})
            assert made == member
            assert "array" not in repr(made)
            assert "np." not in repr(made)
            assert type(getattr(made, name)) is type(value)
            assert type(member).of(json.loads(json.dumps(made.to_json()))) == member


@pytest.mark.parametrize("make", [lambda: Dense(np.int64(3)), lambda: Dense(units=np.array(3))])
def test_by_place_or_by_name(make: Any) -> None:
    assert make().to_json() == {"kind": "layers.dense.v1", "units": 3}


@pytest.mark.parametrize("value", [object(), {1, 2}, np.datetime64("2020-01-01"), 1j, print, (1, [b"x"]), {3: 4}])
def test_what_no_file_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(ParamError, match=r"^Box: inner must be .* found "):
        Box(1, inner=value)


def test_a_float_that_is_single_keeps_its_value() -> None:
    assert Step(1.0, gamma=np.float32(0.1)).gamma == float(np.float32(0.1))
