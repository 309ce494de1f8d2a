"""What a model expects at a place: the fields, keys and items behind an annotation, unions flattened."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from twin.spec.yaml_source import Node


@dataclass(frozen=True)
class FileName:
    """Mark of a text that names a file: it is resolved next to the file in which it was written."""

    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # words that stand for themselves and are no file


@dataclass
class Shape:
    """The alternatives of one annotation."""

    models: list[type[BaseModel]] = field(default_factory=list)
    maps: list[tuple[Any, Any]] = field(default_factory=list)  # (key, value) annotations
    items: list[Any] = field(default_factory=list)
    literals: list[Any] = field(default_factory=list)
    marks: list[Any] = field(default_factory=list)

    @property
    def field_names(self) -> list[str]:
        return sorted({info.alias or name for model in self.models for name, info in model.model_fields.items()})

    def child(self, key: str) -> list[Any]:
        """Annotations of what lies under a key; empty if the models know no such key."""
        found: list[Any] = []
        for model in self.models:
            info = next((i for name, i in model.model_fields.items() if key == (i.alias or name)), None)
            if info is not None:
                found.append(Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation)
        return found + [value for _, value in self.maps]


def shape(*annotations: Any) -> Shape:
    """Flatten annotations into their alternatives."""
    try:
        return _flatten(annotations)
    except TypeError:  # a mark that cannot be hashed
        return _flatten.__wrapped__(annotations)


@lru_cache(maxsize=4096)
def _flatten(annotations: tuple[Any, ...]) -> Shape:
    out = Shape()
    todo = list(annotations)
    while todo:
        note = todo.pop(0)
        origin = get_origin(note)
        if origin is Annotated:
            inner, *marks = get_args(note)
            todo.append(inner)
            out.marks += marks
        elif origin in (Union, types.UnionType):
            todo += get_args(note)
        elif origin is Literal:
            out.literals += get_args(note)
        elif isinstance(note, type) and issubclass(note, BaseModel):
            out.models.append(note)
        elif origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
            key, value = get_args(note)
            out.maps.append((key, value))
        elif origin in (list, tuple, set, frozenset):
            out.items += [a for a in get_args(note) if a is not Ellipsis]
    return out


def walk(
    node: Node, *annotations: Any, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], Node, Shape]]:
    """Every node of a tree with the shape its model expects there, depth first, in file order."""
    expected = shape(*annotations)
    yield path, node, expected
    if isinstance(node.value, dict):
        for key, item in node.value.items():
            yield from walk(item, *expected.child(key), path=(*path, key))
    elif isinstance(node.value, list):
        for at, item in enumerate(node.value):
            yield from walk(item, *expected.items, path=(*path, at))
