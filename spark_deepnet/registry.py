"""Families of frozen dataclasses, which are found by name: one file a member, named after it.

A member is its own configuration: it prints as the code that makes it and round-trips through JSON as
``{"kind": "layers.dense.v1", "units": 3}``. Fields at their defaults are left out, because the version pins
the defaults. A class of a user's own module adds ``"module"``, so that executors can import it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, ClassVar, Self

import numpy as np

from spark_deepnet.errors import NEAR_CUTOFF, ParamError, UnknownNameError, UnknownParamError, listed, near
from spark_deepnet.synonyms import FIELDS, MEMBERS

FAMILIES: dict[str, type[Member]] = {}
_PACKAGE = __name__.rpartition(".")[0]


class Kind(type):
    """The metaclass of families: the values of a member's fields become plain Python, and must be JSON."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if getattr(cls, "_book", {}).get(getattr(cls, "kind", None)) is not cls:
            return super().__call__(*args, **kwargs)  # an internal class, whose fields may be anything
        _check_fields(cls, len(args), kwargs)
        member = super().__call__(*map(plain, args), **{name: plain(value) for name, value in kwargs.items()})
        for f in fields(member):
            if f.init and not _is_json(getattr(member, f.name)):
                raise ParamError(
                    f"{cls.__name__}: {f.name} must be made of numbers, texts and members of the families, which a file can "
                    f"hold, found {getattr(member, f.name)!r}"
                )
        return member


class Member(metaclass=Kind):
    """The base of every family. ``class Layer(Member, family="layers")`` founds a family in the folder of its file,
    ``class Dense(Layer, kind="dense")`` joins it."""

    family: ClassVar[str]
    kind: ClassVar[str]
    version: ClassVar[int]
    _book: ClassVar[dict[str, type[Member]]]

    def __init_subclass__(
        cls, *, family: str | None = None, kind: str | None = None, version: int = 1, **rest: Any
    ) -> None:
        super().__init_subclass__(**rest)
        if family is not None:
            cls.family, cls._book = family, {}
            FAMILIES[family] = cls
        if kind is not None:
            cls.kind, cls.version = kind, version
            cls._book[kind] = cls

    @classmethod
    def folder(cls) -> str:
        """The package that holds the family's base and one file a member."""
        return FAMILIES[cls.family].__module__.rpartition(".")[0]

    @classmethod
    def installed(cls) -> list[str]:
        """The kinds that every installation of this version has: the files of the folder, except that of the base."""
        base = FAMILIES[cls.family].__name__.lower()
        return sorted(module for module in modules_of(cls.folder()) if module != base)

    @classmethod
    def names(cls) -> list[str]:
        """All kinds of the family: the installed ones and those that users registered."""
        return sorted({*cls.installed(), *cls._book})

    @classmethod
    def named(cls, kind: str) -> type[Self]:
        """The class of a kind, or of what other libraries call it; its file is imported at first use. Where another thread
        is at that, this one waits: a class is in the book before its file has been read to its end."""
        if kind not in cls.names():
            kind = MEMBERS.get(cls.family, {}).get(kind, kind)
        file = f"{cls.folder()}.{kind}"
        if kind in cls.installed() and (kind not in cls._book or file in sys.modules):
            import_module(file)
        if kind not in cls._book:
            raise UnknownNameError(f"{cls.family}: there is no {kind!r}; {near(kind, cls.names())}")
        return cls._book[kind]  # type: ignore[return-value]

    @classmethod
    def of(cls, what: Any) -> Self:
        """A member from itself, from its name, or from its JSON."""
        root = FAMILIES[cls.family]
        if isinstance(what, root):
            return what  # type: ignore[return-value]
        if isinstance(what, str):
            return cls.named(what)()
        if isinstance(what, dict) and "kind" in what:
            return _from_json(root, what)  # type: ignore[return-value]
        shown = f"the class {what.__name__}" if isinstance(what, type) else f"{type(what).__name__} {what!r}"
        raise ParamError(
            f"{cls.family}: expected one of the {cls.family}, its name or its JSON, found {shown}{cls.instead_of(what)}"
        )

    @classmethod
    def instead_of(cls, what: Any) -> str:
        """The end of a sentence about what ``of`` does not take; empty where nothing is known to be meant."""
        is_class = isinstance(what, type) and issubclass(what, FAMILIES[cls.family])
        return f"; write {what.__name__}({'...' if _needed(what) else ''})" if is_class else ""

    def to_json(self) -> dict[str, Any]:
        """The member as JSON values; fields at their defaults are left out."""
        spec: dict[str, Any] = {"kind": f"{self.family}.{self.kind}.v{self.version}"}
        if not type(self).__module__.startswith(_PACKAGE + "."):
            spec["module"] = type(self).__module__
        spec.update({key: _as_json(value) for key, value in self._set_fields().items()})
        return spec

    def _set_fields(self) -> dict[str, Any]:
        """The fields that differ from their defaults."""
        values = {f.name: (f, getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, (f, value) in values.items() if f.default is MISSING or value != f.default}

    def __repr__(self) -> str:
        values = self._set_fields()
        first = [f.name for f in fields(self) if f.default is MISSING]  # type: ignore[arg-type]
        parts = [repr(values.pop(name)) for name in first if name in values]
        return f"{type(self).__name__}({', '.join(parts + [f'{k}={v!r}' for k, v in values.items()])})"


def plain(value: Any) -> Any:
    """The value with NumPy's numbers and texts as Python's own, at any depth, and its arrays as tuples."""
    if isinstance(value, np.generic):
        value = value.item()
        return float(value) if isinstance(value, np.floating) else value  # a longdouble is its own item
    if isinstance(value, np.ndarray):
        return plain(value[()]) if value.ndim == 0 else tuple(plain(v) for v in value)
    if type(value) in (tuple, list):
        return type(value)(plain(v) for v in value)
    if type(value) is dict:
        return {plain(k): plain(v) for k, v in value.items()}
    return value


def _is_json(value: Any) -> bool:
    """Whether a file can hold the value, members as their JSON."""
    if isinstance(value, tuple | list):
        return all(_is_json(v) for v in value)
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_json(v) for k, v in value.items())
    return value is None or isinstance(value, bool | int | float | str | Member)


def _as_json(value: Any) -> Any:
    if isinstance(value, Member):
        return value.to_json()
    if isinstance(value, tuple | list):
        return [_as_json(v) for v in value]
    if isinstance(value, dict):
        return {k: _as_json(v) for k, v in value.items()}
    return value


def _from_plain(value: Any) -> Any:
    """JSON to field values: lists to tuples, nested specs to members."""
    if isinstance(value, list):
        return tuple(_from_plain(v) for v in value)
    if isinstance(value, dict) and "kind" in value:
        family = FAMILIES.get(str(value["kind"]).partition(".")[0])
        return value if family is None else family.of(value)  # a short kind: the member that holds it knows the family
    return value


def _from_json(root: type[Member], spec: dict[str, Any]) -> Member:
    rest = dict(spec)
    kind, module = str(rest.pop("kind")), rest.pop("module", None)
    name, version = _split_kind(root, kind)
    if module is not None and (name not in root._book or str(module) in sys.modules):  # as in named
        _import(module, kind)
    cls = root.named(name)
    if version is not None and version > cls.version:
        raise UnknownNameError(
            f"kind {kind!r} is newer than this installation, which knows version {cls.version}: upgrade spark_deepnet"
        )
    try:
        return cls(**{key: _from_plain(value) for key, value in rest.items()})
    except UnknownParamError as error:  # a keyword that nobody wrote: no TypeError
        raise ParamError(str(error)) from None


def _split_kind(root: type[Member], kind: str) -> tuple[str, int | None]:
    """'layers.dense.v1' -> ('dense', 1); 'dense' -> ('dense', None)."""
    name = kind.removeprefix(root.family + ".")
    stem, _, version = name.rpartition(".v")
    return (stem, int(version)) if stem and version.isdigit() else (name, None)


def _import(module: Any, kind: str) -> None:
    try:
        import_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if isinstance(error, ImportError):
            raise UnknownNameError(
                f"kind {kind!r} is defined in the module {module!r}, which {sys.executable} cannot import ({error}): "
                f"install it on every executor, or ship it with addArtifact(..., pyfile=True) or --py-files"
            ) from None
        reason = f"{type(error).__name__} {error}".partition("\n")[0]
        raise UnknownNameError(
            f"kind {kind!r} is defined in the module {module!r}, which raised {reason[:100]}"
        ) from None


def check_modules(spec: Any, allowed: Iterable[str] = ()) -> None:
    """Refuse JSON that would import a module which is neither imported already nor allowed, by its own name or that of a
    package around it."""
    given, waiting = list(allowed), [spec]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("module") is not None:
                _check_module(value["module"], given)
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _check_module(module: Any, allowed: list[str]) -> None:
    if not isinstance(module, str):
        raise ParamError(f"a module must be a name, found {str(module)[:60]!r}")
    if module not in sys.modules and not any(module == name or module.startswith(f"{name}.") for name in allowed):
        raise ParamError(
            f"it needs the module {module[:60]!r}, and code is not imported because a file says so; import it yourself "
            f"first, or load with modules=[{module[:60]!r}], if you trust it"
        )


def _check_fields(cls: type[Any], given: int, values: dict[str, Any]) -> None:
    """Refuse names that no field has, and too few values; ``given``: the number of values without a name."""
    own = [f for f in fields(cls) if f.init]
    known = [f.name for f in own]
    for key in values:
        if key not in known:
            raise UnknownParamError(f"{cls.__name__} has no field {key!r}; {_field_meant(key, known)}")
    placed = [f.name for f in own if not f.kw_only][:given]
    missing = [name for name in _needed(cls) if name not in values and name not in placed]
    if missing:
        raise ParamError(f"{cls.__name__} needs {', '.join(missing)}, as in {cls.__name__}({missing[0]}=...)")


def _needed(cls: type[Any]) -> list[str]:
    """The fields without a default."""
    return [f.name for f in fields(cls) if f.init and f.default is MISSING and f.default_factory is MISSING]


def _field_meant(key: str, known: list[str]) -> str:
    """The end of a sentence about a name that no field has."""
    ours = FIELDS.get(key, "")
    is_ours = ours.strip("'") in known or not (ours.startswith("'") and ours.endswith("'"))
    return f"use {ours}" if ours and is_ours else near(key, known)


def class_from_folder(package: str, name: str) -> Any:
    """``from spark_deepnet.layers import LeakyRelu`` opens the file ``leaky_relu``: a class lives in the file that
    bears its name without capitals; packages call this from their ``__getattr__``."""
    if name == "__all__":
        return names_in_folder(package)
    if not name.startswith("_"):
        for module in modules_of(package):
            if module.replace("_", "") == name.lower():
                return getattr(import_module(f"{package}.{module}"), name)
    what = f"module {package!r} has no attribute {name!r}"
    if name.startswith("_"):
        raise AttributeError(what)
    what = f"{what}; {_class_meant(package, name)}"
    raise ImportError(what, name=package) if _is_from_import() else AttributeError(what)


def _is_from_import() -> bool:
    """Whether ``from package import name`` asks the package's ``__getattr__``: of an AttributeError Python would make a
    sentence of its own."""
    return sys._getframe(3).f_globals.get("__name__") in ("importlib._bootstrap", "_frozen_importlib")


def _class_meant(package: str, name: str) -> str:
    """The end of a sentence about a class that the folder does not have; what other libraries call one has its name."""
    flat = {module.replace("_", ""): module for module in modules_of(package)}
    other = MEMBERS.get(package.rpartition(".")[2], {}).get(name.lower(), "")
    close = [other.replace("_", "")] if other else get_close_matches(name.lower(), flat, n=3, cutoff=NEAR_CUTOFF)
    known = [class_in(import_module(f"{package}.{flat[each]}")) for each in close if each in flat]
    return f"did you mean {listed(known)}?" if known else near(name, names_in_folder(package))


def names_in_folder(package: str) -> list[str]:
    """All classes that ``class_from_folder`` finds, for ``import *`` and ``dir``; opens every file."""
    return sorted(class_in(import_module(f"{package}.{module}")) for module in modules_of(package))


def open_folder(package: str) -> None:
    """Import every file of a package whose files register what they hold."""
    for module in modules_of(package):
        import_module(f"{package}.{module}")


@cache
def modules_of(package: str) -> list[str]:
    """The files of a package that hold one class each."""
    path = import_module(package).__path__
    return [module.name for module in iter_modules(path) if not module.name.startswith("_")]


def class_in(module: Any) -> str:
    """The name of the class that a file is named after."""
    file = module.__name__.rpartition(".")[2]
    return next(key for key in vars(module) if key.lower() == file.replace("_", "") and key != file)
