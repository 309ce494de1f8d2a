"""Safe reading of YAML: a tree of plain values in which every value knows its file and line.

The text is read as a stream of parser events; no object is ever constructed from a tag. Refused: duplicate keys
(also after expanding brace ranges), tags, merge keys, several documents, and texts that are too large, too deep or that
grow beyond a limit through aliases. NaN and infinity are kept as `NotFinite`, which validation refuses together with
everything else it finds. Scalars follow the YAML 1.2 core rules, so that
``12:00``, ``on`` and ``2024-07-01`` stay text and ``1e6`` is a number.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

import yaml

from twin.errors import Problem, SpecError

MAX_BYTES = 4 << 20
MAX_DEPTH = 40
MAX_NODES = 400_000
MAX_RANGE = 20_000


class NotFinite(float):
    """NaN or infinity as written; no place accepts it (see twin.spec.problems.validate)."""

    text: str

    def __new__(cls, text: str) -> NotFinite:
        word = text.lower().replace(".", "") if text[-1:].isalpha() else text.replace("_", "")
        made = super().__new__(cls, word)
        made.text = text
        return made

    def __repr__(self) -> str:
        return self.text


Scalar = str | int | float | bool | None

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?(0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?((0|[1-9][0-9_]*)?\.[0-9][0-9_]*|(0|[1-9][0-9_]*)\.?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.?(inf|nan|infinity)\Z", re.IGNORECASE)
_RANGE = re.compile(r"\{(\w+)\.\.(\w+)\}")


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place: a map of Nodes, a list of Nodes or a scalar; `size` counts the nodes below and itself."""

    value: dict[str, Node] | list[Node] | Scalar
    file: str
    line: int
    size: int = 1


class _Reader:
    """Builds one tree from the events of one text, collecting problems instead of stopping at the first."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.anchors: dict[str, Node] = {}
        self.nodes = 0

    def problem(self, line: int, where: str, found: str, wanted: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, line, where or "(top)", found, wanted, hint))

    def stop(self, line: int, where: str, found: str, wanted: str, hint: str = "") -> SpecError:
        self.problem(line, where, found, wanted, hint)
        return SpecError(self.problems)

    def grow(self, count: int, line: int, where: str) -> None:
        self.nodes += count
        if self.nodes > MAX_NODES:
            raise self.stop(
                line,
                where,
                f"more than {MAX_NODES} values",
                "a smaller file",
                "aliases and brace ranges count with everything they repeat",
            )

    def node(self, events: Any, event: Any, path: str, depth: int) -> Node:
        line = event.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise self.stop(line, "(top)", f"nesting deeper than {MAX_DEPTH}", "a flatter file")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.stop(line, path, f"alias *{event.anchor}", "an anchor that ended before it")
            found = self.anchors[event.anchor]
            self.grow(found.size, line, path)
            return found
        self.grow(1, line, path)
        if event.tag is not None and event.tag not in ("!", "tag:yaml.org,2002:str"):
            self.problem(
                line, path, f"tag {event.tag}", "a value without a tag", "write plain text, numbers, lists, maps"
            )
        if isinstance(event, yaml.ScalarEvent):
            text = event.tag is not None or not event.implicit[0]
            node = Node(event.value if text else self.scalar(event.value, line, path), self.file, line)
        elif isinstance(event, yaml.SequenceStartEvent):
            items: list[Node] = []
            for item in events:
                if isinstance(item, yaml.SequenceEndEvent):
                    break
                items.append(self.node(events, item, _join(path, str(len(items))), depth + 1))
            node = Node(items, self.file, line, 1 + sum(i.size for i in items))
        else:
            node = self.mapping(events, path, depth, line)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def mapping(self, events: Any, path: str, depth: int, line: int) -> Node:
        entries: dict[str, Node] = {}
        for key in events:
            if isinstance(key, yaml.MappingEndEvent):
                break
            key_line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarEvent):
                raise self.stop(key_line, path, "a key that is no plain text", "text as a key")
            value = self.node(events, next(events), _join(path, key.value), depth + 1)
            if key.value == "<<" and key.implicit[0]:
                self.problem(
                    key_line, path, "merge key '<<'", "the entries themselves", "use `base:` to inherit a file"
                )
                continue
            value = replace(value, line=key_line)
            for number, name in enumerate(self.names(key.value, key_line, path)):
                if number:
                    self.grow(value.size, key_line, path)
                if name in entries:
                    self.problem(
                        key_line,
                        _join(path, name),
                        f"duplicate key {name!r}",
                        "each key once",
                        f"first on line {entries[name].line}",
                    )
                else:
                    entries[name] = value
        return Node(entries, self.file, line, 1 + sum(e.size for e in entries.values()))

    def names(self, key: str, line: int, path: str) -> list[str]:
        try:
            return expand_braces(key)
        except ValueError as error:
            self.problem(line, _join(path, key), f"key {key!r}", str(error))
            return []

    def scalar(self, text: str, line: int, path: str) -> Scalar:
        if text in ("", "~", "null", "Null", "NULL"):
            return None
        if text in ("true", "True", "TRUE"):
            return True
        if text in ("false", "False", "FALSE"):
            return False
        if _INT.match(text):
            if len(text) > 40:
                self.problem(line, path, f"a number of {len(text)} digits", "a number of at most 40 digits")
                return 0
            return int(text.replace("_", ""))
        if _FLOAT.match(text):
            number = float(text.replace("_", ""))
            return number if isfinite(number) else NotFinite(text)
        return NotFinite(text) if _NOT_FINITE.match(text) else text


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def expand_braces(text: str) -> list[str]:
    """Names that a text with brace ranges stands for.

    Examples
    --------
    >>> expand_braces("RK{08..10}")
    ['RK08', 'RK09', 'RK10']
    >>> expand_braces("UPS_{A..B}{1..2}")
    ['UPS_A1', 'UPS_A2', 'UPS_B1', 'UPS_B2']
    """
    parts = _RANGE.split(text)
    if len(parts) == 1:
        if "{" in text and ".." in text:
            raise ValueError("a range such as {01..04} or {A..D}")
        return [text]
    choices: list[list[str]] = []
    total = 1
    for at in range(1, len(parts), 3):
        low, high = parts[at], parts[at + 1]
        if low.isascii() and high.isascii() and low.isdigit() and high.isdigit() and len(low) <= 9 and len(high) <= 9:
            first, last = int(low), int(high)
            width = len(low) if low.startswith("0") or len(low) == len(high) else 0
            if 0 <= last - first < MAX_RANGE:
                choices.append([str(n).zfill(width) for n in range(first, last + 1)])
            else:
                raise ValueError(f"a rising range of at most {MAX_RANGE} numbers")
        elif re.fullmatch("[A-Z]{2}|[a-z]{2}", low + high) and low <= high:
            choices.append([chr(c) for c in range(ord(low), ord(high) + 1)])
        else:
            raise ValueError("a rising range of numbers or of single letters, such as {01..04} or {A..D}")
        total *= len(choices[-1])
        if total > MAX_RANGE:
            raise ValueError(f"at most {MAX_RANGE} names from one key")
    fixed = parts[0::3]
    return [
        fixed[0] + "".join(c + f for c, f in zip(combo, fixed[1:], strict=True))
        for combo in itertools.product(*choices)
    ]


def parse_yaml(text: str, file: str) -> Node:
    """Tree of one YAML document; every problem of its form is in the SpecError it raises."""
    reader = _Reader(file)
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise reader.stop(1, "", f"{len(text)} characters", f"at most {MAX_BYTES >> 20} MiB of text")
    try:
        events = yaml.parse(text, Loader=_LOADER)
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    line = event.start_mark.line + 1 if event.start_mark else 1
                    raise reader.stop(line, "", "a second document", "one document a file")
                root = reader.node(events, next(events), "", 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise reader.stop(line, "", f"no valid YAML: {error.problem}", "valid YAML", error.context or "") from None
    except yaml.YAMLError as error:  # characters that YAML forbids
        raise reader.stop(1, "", "no valid YAML: " + " ".join(str(error).split()), "valid YAML") from None
    if reader.problems:
        raise SpecError(reader.problems)
    if root is None:
        return Node(None, file, 1)
    return root


def read_yaml(path: str | Path, *, shown: str | None = None) -> Node:
    """Tree of one file; `shown` is the name used in messages."""
    file = shown or str(path)
    try:
        with open(path, "rb") as handle:
            data = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise SpecError(
            [Problem(file, 1, "(top)", error.strerror or "an unreadable file", "a readable YAML file")]
        ) from None
    if len(data) > MAX_BYTES:
        raise SpecError([Problem(file, 1, "(top)", f"more than {MAX_BYTES} bytes", f"at most {MAX_BYTES >> 20} MiB")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SpecError([Problem(file, line, "(top)", "bytes that are no UTF-8", "UTF-8 text")]) from None
    return parse_yaml(text, file)


def plain(node: Node) -> Any:
    """The value without places: dicts, lists and scalars."""
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def from_plain(value: Any, file: str, line: int = 1) -> Node:
    """A tree with one place for all its values (for overrides and built values)."""
    if isinstance(value, dict):
        entries = {str(key): from_plain(item, file, line) for key, item in value.items()}
        return Node(entries, file, line, 1 + sum(e.size for e in entries.values()))
    if isinstance(value, list | tuple):
        items = [from_plain(item, file, line) for item in value]
        return Node(items, file, line, 1 + sum(i.size for i in items))
    return Node(value, file, line)
