"""From a validation error or a failed cross-check to a Problem with file, line and a near-name hint."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from twin.errors import Problem
from twin.spec.shape import Shape, shape
from twin.spec.yaml_source import Node, NotFinite, plain

Path = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)
_QUANTITY = "write the bare number: the unit stands in the name of the key"


def near(name: str, names: Iterable[str]) -> list[str]:
    """Up to three names that look like `name`, best first, ignoring case."""
    by_lower: dict[str, str] = {}
    for known in names:
        by_lower.setdefault(str(known).lower(), str(known))
    return [by_lower[m] for m in difflib.get_close_matches(str(name).lower(), list(by_lower), n=3, cutoff=0.6)]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Hint with near names, or with the few names there are, or empty."""
    known = [str(n) for n in names]
    close = near(name, known)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    if 0 < len(known) <= 12:
        return "known: " + ", ".join(known)
    return ""


def dotted(path: Sequence[str | int]) -> str:
    return ".".join(str(p) for p in path) or "(top)"


def show(value: Any) -> str:
    """A value as it looks in YAML, shortened."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a map" if value else "an empty map"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def place(root: Node, path: Sequence[str | int]) -> tuple[Node, Path]:
    """Deepest node on the way to `path`, and the part of the path that leads there."""
    node, done = root, []
    for step in path:
        if isinstance(node.value, dict) and str(step) in node.value:
            node = node.value[str(step)]
        elif isinstance(node.value, list) and isinstance(step, int) and 0 <= step < len(node.value):
            node = node.value[step]
        else:
            break
        done.append(step)
    return node, tuple(done)


def at(root: Node, path: Sequence[str | int], found: str, wanted: str, hint: str = "") -> Problem:
    """Problem at a dotted place of a tree; the line is that of the nearest value that exists."""
    node, _ = place(root, path)
    return Problem(node.file, node.line, dotted(path), found, wanted, hint)


def _expected(model: type[BaseModel], path: Path) -> Shape:
    here = shape(model)
    for step in path:
        here = shape(*(here.items if isinstance(step, int) else here.child(step)))
    return here


def _wanted(kind: str, message: str, ctx: dict[str, Any]) -> str:
    if kind == "missing":
        return "a value"
    if kind == "string_pattern_mismatch":
        return (
            "a name of letters, digits and _ that starts with a letter"
            if ctx.get("pattern", "").startswith("^[A-Za-z][A-Za-z0-9_]*$")
            else f"text like {ctx.get('pattern')}"
        )
    if kind in ("float_type", "float_parsing"):
        return "a number"
    if kind in ("int_type", "int_parsing", "int_from_float"):
        return "a whole number"
    if kind == "bool_type":
        return "true or false"
    if kind == "string_type":
        return "text"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "a map"
    if kind in ("list_type", "tuple_type"):
        return "a list"
    if kind == "value_error":
        return str(ctx.get("error", message))
    text = message.removeprefix("Input should be ").removeprefix("Value error, ")
    return text[:1].lower() + text[1:]


def _problem(root: Node, model: type[BaseModel], error: Any) -> Problem:
    kind, ctx = error["type"], error.get("ctx") or {}
    path: list[str | int] = []
    node, key_itself = root, False
    missing: str | int | None = None
    for step in error["loc"]:
        inside, done = place(node, (step,))
        if done:
            node = inside
            path.append(step)
        elif step == "[key]":
            key_itself = True
        elif kind == "missing" and step == error["loc"][-1]:
            missing = step
        # anything else is the tag of an alternative in a union: no part of the file
    wanted, hint = _wanted(kind, error["msg"], ctx), ""
    expected = _expected(model, tuple(path))
    if kind == "extra_forbidden":
        names = _expected(model, tuple(path[:-1])).field_names
        found, wanted, hint = f"unknown key {path[-1]!r}", "a known key", did_you_mean(str(path[-1]), names)
    elif missing is not None:
        path.append(missing)
        found = "nothing"
        of = shape(*expected.child(str(missing)))
        if of.literals:
            wanted = "one of " + ", ".join(str(x) for x in of.literals)
        elif of.models or of.maps:
            wanted = "a map"
        elif of.items:
            wanted = "a list"
        present = node.value if isinstance(node.value, dict) else {}
        unknown = [k for k in present if k not in expected.field_names]
        close = near(str(missing), unknown)
        hint = f"is {close[0]!r} meant?" if close else ""
    elif key_itself:
        found = f"key {str(path[-1])!r}"
    else:
        value = plain(node)
        found = show(value)
        if isinstance(value, str) and kind in ("float_type", "int_type"):
            hint = _QUANTITY if any(c.isdigit() for c in value) else ""
        elif kind in ("literal_error", "enum"):
            hint = did_you_mean(str(value), [str(x) for x in expected.literals])
    return Problem(node.file, node.line, dotted(path), found, wanted, hint)


def validate(model: type[M], root: Node) -> tuple[M | None, list[Problem]]:
    """The model made from a tree, or every problem of it.

    The tree goes through JSON, whose strict mode accepts a list for a tuple and text for a date, but no text for a
    number and no number for a text.
    """
    not_finite = list(_not_finite(root, ()))
    if not isinstance(root.value, dict):
        return None, [Problem(root.file, root.line, "(top)", show(plain(root)), "a map")]
    try:
        made = model.model_validate_json(json.dumps(plain(root)))
        return (None if not_finite else made), not_finite
    except ValidationError as error:
        known = {p.where for p in not_finite}
        found = [_problem(root, model, e) for e in error.errors(include_url=False)]
        found = [p for p in found if p.where not in known or p.found.startswith("unknown key")] + not_finite
        return None, sorted(set(found), key=lambda p: (p.file, p.line, p.where, p.found, p.wanted))


def _not_finite(node: Node, path: Path) -> Iterator[Problem]:
    """Every NaN or infinity of a tree, also where a model takes any value."""
    if isinstance(node.value, NotFinite):
        hint = "quote it if it is meant as text" if node.value.text[-1:].isalpha() else ""
        yield Problem(node.file, node.line, dotted(path), show(node.value), "a finite number", hint)
    elif isinstance(node.value, dict):
        for key, item in node.value.items():
            yield from _not_finite(item, (*path, key))
    elif isinstance(node.value, list):
        for number, item in enumerate(node.value):
            yield from _not_finite(item, (*path, number))
