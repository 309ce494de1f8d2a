"""The mapping file: which variable of an FMU stands for which port element, in what unit and multiplicity.

    inputs:                                    # ours -> unit; the value held over a step
      outdoor_drybulb_c: in.site.drybulb_c     # port of a single element
      cdu_primary_heat_w: "cdu[{n}].heat"      # {n} counts the axis from 1, {id} is the element's id
      cdu_primary_heat_w/H1_CDU3: {variable: spare.heat, unit: kW, scale: 2.0}
    outputs: {...}                             # unit -> ours, at the end of a step; any causality may be read
    energy:                                    # ledger terms [J]
      fws/dry_cooler_rejected_j: {variables: [energy.rejected], kind: step}    # step | total | power
    stored: {variables: [energy.stored]}
    start: {site.supply_set_c: 36.0}           # start values, in the unit's own units

`unit` overrides or supplies the variable's unit. `scale` is a multiplicity: the unit stands for so many of ours (input
divided, output multiplied by it), so it is allowed for heats, energies and flows only.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from twin.errors import Problem, SpecError
from twin.fmu.description import FmuInfo
from twin.fmu.units import EXTENSIVE, KNOWN, Unit, port_unit

KINDS = ("step", "total", "power")
MAX_BYTES = 4 << 20


@dataclass(frozen=True)
class Row:
    """One element of a port and its variable; ours = gain * theirs + bias."""

    port: str
    index: int
    variable: str
    gain: float
    bias: float
    unit: str
    scale: float = 1.0

    def theirs(self, value: float) -> float:
        return (value - self.bias) / self.gain

    def ours(self, value: float) -> float:
        return self.gain * value + self.bias


@dataclass(frozen=True)
class Energy:
    """A ledger term from variables: joules of each step, a running total, or a power held over the step."""

    term: str
    rows: tuple[Row, ...]
    kind: str


@dataclass(frozen=True)
class PlantMapping:
    """Resolved against one FMU. unmapped: port elements without a variable; unused: inputs of the unit nobody sets."""

    inputs: tuple[Row, ...]
    outputs: tuple[Row, ...]
    energy: tuple[Energy, ...]
    stored: tuple[Row, ...]
    start: Mapping[str, float]
    unmapped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass
class _Tree:
    """A YAML file as plain values with the line of every key."""

    file: str
    value: dict[str, Any]
    lines: dict[tuple[str, ...], int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def say(self, path: Sequence[str], found: str, wanted: str, hint: str = "") -> None:
        line = next((self.lines[key] for k in range(len(path), -1, -1) if (key := tuple(path[:k])) in self.lines), 1)
        self.problems.append(Problem(self.file, line, ".".join(path) or "(file)", found, wanted, hint))


def _read(path: Path) -> _Tree:
    tree = _Tree(path.name, {})
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SpecError([Problem(path.name, 1, "(file)", f"{path.stat().st_size} bytes", f"at most {MAX_BYTES}")])
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem(path.name, 1, "(file)", str(error), "a readable YAML file")]) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        raise SpecError([Problem(path.name, line, "(file)", str(error).splitlines()[0], "valid YAML")]) from error
    value = _plain(node, (), tree)
    if not isinstance(value, dict):
        tree.say((), repr(value), "a map with inputs, outputs, energy, stored, start")
        raise SpecError(tree.problems)
    tree.value = value
    return tree


def _plain(node: Any, path: tuple[str, ...], tree: _Tree) -> Any:
    tree.lines.setdefault(path, node.start_mark.line + 1 if node is not None else 1)
    if isinstance(node, yaml.MappingNode):
        out: dict[str, Any] = {}
        for key_node, item in node.value:
            key = str(key_node.value)
            tree.lines[(*path, key)] = key_node.start_mark.line + 1
            if key in out:
                tree.say((*path, key), "the key again", "each key once")
            out[key] = _plain(item, (*path, key), tree)
        return out
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, str(k)), tree) for k, item in enumerate(node.value)]
    return yaml.safe_load(yaml.serialize(node)) if node is not None else None


def read_mapping(
    path: str | Path,
    info: FmuInfo,
    inputs: Mapping[str, Sequence[str]],
    outputs: Mapping[str, Sequence[str]],
    terms: Sequence[str],
    required: Sequence[str] = (),
) -> PlantMapping:
    """Read a mapping file and hold it against an FMU.

    Parameters
    ----------
    path : YAML file
    info : the inspected FMU
    inputs, outputs : port -> ids of its elements, that may be mapped
    terms : ledger terms that may be mapped
    required : outputs of which every element must be mapped

    Raises
    ------
    SpecError : every unknown, doubled, unmapped or wrongly measured row, with near names
    """
    tree = _read(Path(path))
    for key in sorted(set(tree.value) - {"inputs", "outputs", "energy", "stored", "start"}):
        tree.say((key,), repr(key), "inputs, outputs, energy, stored or start")
    given = _rows(tree, "inputs", inputs, info)
    taken = _rows(tree, "outputs", outputs, info)
    _no_doubles(tree, given)
    have = {(r.port, r.index) for r in taken}
    for port in required:
        for k, element in enumerate(outputs[port]):
            if (port, k) not in have:
                tree.say(("outputs",), f"no row for {port}/{element}", "a variable for every element of this port")
    energy = _energy(tree, terms, info)
    stored = _energy_rows(tree, ("stored",), tree.value.get("stored"), "stored_j", info, "J")
    start = _start(tree, info)
    if tree.problems:
        raise SpecError(tree.problems)
    done = {(r.port, r.index) for r in (*given, *taken)}
    unmapped = tuple(
        f"{port}/{element}"
        for ports in (inputs, outputs)
        for port, ids in ports.items()
        for k, element in enumerate(ids)
        if (port, k) not in done
    )
    set_names = {r.variable for r in given}
    unused = tuple(v.name for v in info.variables.values() if v.causality == "input" and v.name not in set_names)
    return PlantMapping(given, taken, energy, stored, start, unmapped, unused)


def _rows(tree: _Tree, section: str, ports: Mapping[str, Sequence[str]], info: FmuInfo) -> tuple[Row, ...]:
    entries = tree.value.get(section) or {}
    if not isinstance(entries, dict):
        tree.say((section,), repr(entries), "a map of port (or port/element) to variable")
        return ()
    rows: dict[tuple[str, int], Row] = {}
    for key in sorted(entries, key=lambda k: "/" in k):  # element rows win over port rows
        port, _, element = key.partition("/")
        if port not in ports:
            tree.say((section, key), repr(port), f"a port of the plant's {section}", _near(port, ports))
            continue
        ids = list(ports[port])
        if element and element not in ids:
            tree.say((section, key), repr(element), f"an element of {port}", _near(element, ids))
            continue
        for index in [ids.index(element)] if element else range(len(ids)):
            row = _row(tree, (section, key), entries[key], port, index, ids[index], info, section == "inputs")
            if row is not None:
                rows[port, index] = row
    return tuple(rows.values())


def _row(
    tree: _Tree, path: tuple[str, ...], entry: Any, port: str, index: int, element: str, info: FmuInfo, is_input: bool
) -> Row | None:
    entry = {"variable": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or not isinstance(entry.get("variable"), str):
        tree.say(path, repr(entry), "a variable name, or a map with variable and perhaps unit, scale, difference")
        return None
    for key in sorted(set(entry) - {"variable", "unit", "scale", "difference"}):
        tree.say((*path, key), repr(key), "variable, unit, scale or difference")
    name = entry["variable"].replace("{n}", str(index + 1)).replace("{id}", element)
    if name not in info.variables:
        tree.say(path, repr(name), f"a variable of {info.file}", _near(name, info.variables))
        return None
    variable = info.variables[name]
    if variable.kind != "Real":
        tree.say(path, f"{name} is {variable.kind}", "a Real variable")
        return None
    if is_input and variable.causality not in ("input", "parameter"):
        tree.say(path, f"{name} has causality {variable.causality}", "an input (or a tunable parameter) to set")
    unit = _unit(tree, path, entry, name, info)
    ours = port_unit(port)
    if unit is None and "unit" in entry:
        return None
    if unit is None:
        if ours.unit.dimension != KNOWN["1"].dimension:
            tree.say(
                path, f"{name} without a known unit ({variable.unit or 'none'})", f"unit: one of {', '.join(KNOWN)}"
            )
            return None
        unit = KNOWN["1"]
    if unit.dimension != ours.unit.dimension:
        tree.say(path, f"{name} in {unit.name}", f"a unit of the dimension of {ours.unit.name}")
        return None
    scale = entry.get("scale", 1.0)
    if not isinstance(scale, int | float) or isinstance(scale, bool) or not scale > 0:
        tree.say((*path, "scale"), repr(scale), "a number above zero")
        return None
    if scale != 1.0 and unit.dimension not in EXTENSIVE:
        tree.say((*path, "scale"), f"{scale:g} on {port}", "a scale on heats, energies and flows only")
    difference = bool(entry.get("difference", ours.difference or variable.relative))
    return _linear(port, index, name, unit, ours.unit, float(scale), difference)


def _linear(port: str, index: int, name: str, unit: Unit, ours: Unit, scale: float, difference: bool) -> Row:
    gain = unit.factor / ours.factor
    bias = 0.0 if difference else (unit.offset - ours.offset) / ours.factor
    return Row(port, index, name, gain * scale, bias, unit.name, scale)


def _unit(tree: _Tree, path: tuple[str, ...], entry: Mapping[str, Any], name: str, info: FmuInfo) -> Unit | None:
    if "unit" not in entry:
        return info.unit_of(name)
    wanted = str(entry["unit"])
    unit = KNOWN.get(wanted) or info.units.get(wanted)
    if unit is None:
        tree.say((*path, "unit"), repr(wanted), f"one of {', '.join(KNOWN)}", _near(wanted, KNOWN))
    return unit


def _energy(tree: _Tree, terms: Sequence[str], info: FmuInfo) -> tuple[Energy, ...]:
    entries = tree.value.get("energy") or {}
    if not isinstance(entries, dict):
        tree.say(("energy",), repr(entries), "a map of ledger term to variables")
        return ()
    found = []
    for term, entry in entries.items():
        path = ("energy", term)
        if term not in terms:
            tree.say(path, repr(term), "a ledger term", _near(term, terms))
            continue
        kind = entry.get("kind", "step") if isinstance(entry, dict) else "step"
        if kind not in KINDS:
            tree.say((*path, "kind"), repr(kind), f"one of {', '.join(KINDS)}")
            continue
        found.append(Energy(term, _energy_rows(tree, path, entry, term, info, "W" if kind == "power" else "J"), kind))
    return tuple(found)


def _energy_rows(
    tree: _Tree, path: tuple[str, ...], entry: Any, term: str, info: FmuInfo, wanted: str
) -> tuple[Row, ...]:
    if entry is None:
        return ()
    names = entry.get("variables") if isinstance(entry, dict) else None
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        tree.say(path, repr(entry), "a map with a list of variables")
        return ()
    rows = []
    for k, name in enumerate(names):
        row = _row(
            tree,
            (*path, "variables", str(k)),
            {**{x: entry[x] for x in ("unit", "scale") if x in entry}, "variable": name},
            "energy_j" if wanted == "J" else "power_w",
            k,
            "",
            info,
            False,
        )
        if row is not None:
            rows.append(Row(term, k, row.variable, row.gain, row.bias, row.unit, row.scale))
    return tuple(rows)


def _start(tree: _Tree, info: FmuInfo) -> dict[str, float]:
    entries = tree.value.get("start") or {}
    found: dict[str, float] = {}
    if not isinstance(entries, dict):
        tree.say(("start",), repr(entries), "a map of variable to number")
        return found
    for name, value in entries.items():
        if name not in info.variables:
            tree.say(("start", name), repr(name), f"a variable of {info.file}", _near(name, info.variables))
        elif not isinstance(value, int | float) or isinstance(value, bool):
            tree.say(("start", name), repr(value), "a number")
        else:
            found[name] = float(value)
    return found


def _no_doubles(tree: _Tree, rows: Sequence[Row]) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        if row.variable in seen:
            tree.say(
                ("inputs", row.port),
                f"{row.variable} set twice",
                "one source for each input",
                f"also by {seen[row.variable]}",
            )
        seen[row.variable] = row.port


def _near(name: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f"near: {', '.join(close)}" if close else ""
