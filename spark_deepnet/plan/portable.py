"""Members of families in what is sent to workers: pickled as their JSON, made again at first use."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

from spark_deepnet.registry import Member


class Portable:
    """A frozen dataclass, some of whose fields hold members.

    A worker may lack the module of a member. Since members are made at first use rather than by unpickling, that is an
    error of the rank, which it reports in one sentence, and not of Spark's worker, which would be retried. Kept results
    are not pickled."""

    members: ClassVar[dict[str, type[Member]]]
    """Field -> the family of its member, or of the members in its tuple. Of their defaults none may be a class attribute."""

    def __post_init__(self) -> None:
        """Members may be given by name or as JSON."""
        for name, family in self.members.items():
            object.__setattr__(self, name, _made(family, getattr(self, name)))

    def plain_fields(self) -> dict[str, Any]:
        """The fields, members as JSON."""
        return {f.name: _json(getattr(self, f.name)) for f in fields(self)}  # type: ignore[arg-type]

    def __getstate__(self) -> dict[str, Any]:
        return self.plain_fields()

    def __setstate__(self, state: dict[str, Any]) -> None:
        packed = {name: state.pop(name) for name in self.members}
        self.__dict__.update(state, _packed=packed)

    if not TYPE_CHECKING:  # a type checker should go on to refuse unknown attributes

        def __getattr__(self, name: str) -> Any:
            packed = self.__dict__.get("_packed", {})
            if name not in packed:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.__dict__[name] = _made(self.members[name], packed[name])
            return self.__dict__[name]


def _made(family: type[Member], value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(family.of(each) for each in value)
    return None if value is None else family.of(value)


def _json(value: Any) -> Any:
    if isinstance(value, Member):
        return value.to_json()
    return tuple(map(_json, value)) if isinstance(value, tuple) else value
