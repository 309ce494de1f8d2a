"""How one file builds on another: maps merge, lists and scalars replace, null deletes; --set overrides one value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from twin.errors import Problem, SpecError
from twin.spec.problems import did_you_mean, dotted, near, show
from twin.spec.shape import shape
from twin.spec.yaml_source import Node, parse_yaml, plain

OVERRIDES = ("set",)  # a scenario's own overrides: a null there is a value to come, it deletes nothing yet


def merge(base: Node, over: Node, problems: list[Problem] | None = None, path: tuple[str, ...] = ()) -> Node:
    """`over` laid upon `base`. Every value keeps the place of the file that won.

    A null in `over` deletes the key from `base`; deleting what is not there is a problem (it is likely misspelt).
    """
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    entries = dict(base.value)
    for key, item in over.value.items():
        if item.value is None and path != OVERRIDES:
            if key in entries:
                del entries[key]
            elif problems is not None:
                problems.append(
                    Problem(
                        item.file,
                        item.line,
                        dotted((*path, key)),
                        "null, which deletes",
                        "a key that the base has",
                        did_you_mean(key, base.value),
                    )
                )
        elif key in entries:
            entries[key] = merge(entries[key], item, problems, (*path, key))
        else:
            entries[key] = item
    return Node(entries, over.file, over.line, 1 + sum(e.size for e in entries.values()))


def parse_set(text: str, number: int = 1) -> tuple[str, Node]:
    """Split ``path.to.value=X`` into its path and its YAML value, placed at the option itself."""
    file = "--set"
    path, equals, value = text.partition("=")
    path = path.strip()
    if not equals or not path:
        raise SpecError([Problem(file, number, text or "(empty)", repr(text), "path.to.value=X")])
    try:
        node = parse_yaml(value, file)
    except SpecError as error:
        raise SpecError([replace(p, line=number, where=path) for p in error.problems]) from None
    return path, _placed(node, file, number)


def _placed(node: Node, file: str, line: int) -> Node:
    if isinstance(node.value, dict):
        return Node({k: _placed(v, file, line) for k, v in node.value.items()}, file, line, node.size)
    if isinstance(node.value, list):
        return Node([_placed(v, file, line) for v in node.value], file, line, node.size)
    return Node(node.value, file, line)


def override(root: Node, path: str, value: Node, model: type[BaseModel], problems: list[Problem]) -> Node:
    """The tree with one value set. A path that neither the tree nor the model knows is a problem with near names."""
    return _override(root, path.split("."), value, [model], problems, path)


def _override(
    node: Node, steps: Sequence[str], value: Node, notes: list[Any], problems: list[Problem], whole: str
) -> Node:
    def refuse(found: str, wanted: str, hint: str = "") -> Node:
        problems.append(Problem(value.file, value.line, whole, found, wanted, hint))
        return node

    if not steps:
        return merge(node, value, problems)
    if isinstance(node.value, list):
        if not steps[0].isdigit() or int(steps[0]) >= len(node.value):
            return refuse(f"item {steps[0]!r}", f"an item number below {len(node.value)}")
        items, at = list(node.value), int(steps[0])
        items[at] = _override(items[at], steps[1:], value, shape(*notes).items, problems, whole)
        return Node(items, node.file, node.line, 1 + sum(i.size for i in items))
    if node.value is not None and not isinstance(node.value, dict):
        return refuse(f"the value {show(plain(node))} on the way to {steps[0]!r}", "a map on the way")
    entries: dict[str, Node] = dict(node.value or {})
    expected = shape(*notes)
    for length in range(len(steps), 0, -1):  # a key may hold a dot: the longest that exists wins
        key = ".".join(steps[:length])
        if key in entries:
            rest = steps[length:]
            if not rest and value.value is None:
                del entries[key]
            else:
                entries[key] = _override(entries[key], rest, value, expected.child(key), problems, whole)
            break
    else:
        key, rest = steps[0], steps[1:]
        known = key in expected.field_names
        fresh = bool(expected.maps) and (not rest or not any(isinstance(v.value, dict) for v in entries.values()))
        if not known and (not fresh or (near(key, entries) and not isinstance(value.value, dict))):
            return refuse(
                f"unknown name {key!r}",
                "a name that exists there",
                did_you_mean(key, [*entries, *expected.field_names]),
            )
        if rest:
            empty = Node({}, value.file, value.line)
            entries[key] = _override(empty, rest, value, expected.child(key), problems, whole)
        elif value.value is not None:
            entries[key] = value
    return Node(entries, node.file, node.line, 1 + sum(e.size for e in entries.values()))
