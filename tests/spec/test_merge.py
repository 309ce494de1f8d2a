"""Bases and overrides: what wins, and what is said about what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.errors import Problem, SpecError
from twin.spec.load import section_from
from twin.spec.merge import merge, override, parse_set
from twin.spec.model import Id, Positive, Spec
from twin.spec.problems import validate
from twin.spec.sources import inside, read_tree
from twin.spec.yaml_source import from_plain, parse_yaml, plain


class Pump(Spec):
    type: str
    flow_l_min: Positive = 100.0
    feeds: tuple[Id, ...] = ()


class Plant(Spec):
    name: str
    pumps: dict[Id, Pump]
    label: str = ""


def test_maps_merge_lists_replace_null_deletes() -> None:
    base = parse_yaml("a: {x: 1, y: 2}\nl: [1, 2, 3]\nz: 9\n", "base.yaml")
    over = parse_yaml("a: {y: 3}\nl: [4]\nz: null\n", "over.yaml")
    assert plain(merge(base, over)) == {"a": {"x": 1, "y": 3}, "l": [4]}


def test_an_error_names_the_line_that_won(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: p\npumps:\n  P1: {type: a, flow_l_min: -1}\n  P2: {type: a}\n")
    (tmp_path / "mid.yaml").write_text("base: base.yaml\n\npumps:\n  P2:\n    flow_l_min: 0\n")
    (tmp_path / "top.yaml").write_text("base: mid\nlabel: 3\n\n\npumps:\n  P1:\n    feeds: [9x]\n")
    _, found = validate(Plant, read_tree(tmp_path / "top.yaml"))
    assert [(Path(p.file).name, p.line, p.where) for p in found] == [
        ("base.yaml", 3, "pumps.P1.flow_l_min"),
        ("mid.yaml", 5, "pumps.P2.flow_l_min"),
        ("top.yaml", 2, "label"),
        ("top.yaml", 7, "pumps.P1.feeds.0"),
    ]
    assert found[0].found == "-1" and found[0].wanted == "greater than 0"


def test_deleting_what_is_not_there_names_near_keys(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("name: p\npumps: {P1: {type: a}}\n")
    (tmp_path / "top.yaml").write_text("base: base\npumps:\n  P11: null\n")
    with pytest.raises(SpecError) as raised:
        read_tree(tmp_path / "top.yaml")
    (problem,) = raised.value.problems
    assert (problem.line, problem.where, problem.hint) == (3, "pumps.P11", "did you mean P1?")


def test_a_circle_of_bases_and_a_missing_base_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: b\n")
    (tmp_path / "b.yaml").write_text("x: 1\nbase: a\n")
    with pytest.raises(SpecError, match=r"b\.yaml:2: base: found 'a'.*does not lead back"):
        read_tree(tmp_path / "a.yaml")
    (tmp_path / "c.yaml").write_text("base: bb\n")
    with pytest.raises(SpecError, match=r"c\.yaml:1: base: found 'bb'.*did you mean b\?"):
        read_tree(tmp_path / "c.yaml")


def test_a_stranger_reaches_nothing_outside_the_root(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.yaml").write_text("name: secret\n")
    (tmp_path / "in" / "a.yaml").write_text("base: ../secret.yaml\n")
    (tmp_path / "in" / "b.yaml").write_text(f"base: {tmp_path}/secret.yaml\n")
    (tmp_path / "in" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (tmp_path / "in" / "c.yaml").write_text("base: link\n")
    assert read_tree(tmp_path / "in" / "a.yaml").value
    for name in "abc":
        with inside(tmp_path / "in"), pytest.raises(SpecError, match="a file or a name that exists"):
            read_tree(tmp_path / "in" / f"{name}.yaml")
    assert read_tree(tmp_path / "in" / "c.yaml").value


def apply(text: str) -> tuple[object, list[Problem]]:
    tree = parse_yaml("name: p\npumps:\n  P1: {type: a, feeds: [X, Y]}\n", "f.yaml")
    problems: list[Problem] = []
    path, value = parse_set(text)
    return plain(override(tree, path, value, Plant, problems)), problems


def test_set_replaces_adds_and_deletes() -> None:
    assert apply("pumps.P1.flow_l_min=5")[0]["pumps"]["P1"]["flow_l_min"] == 5  # type: ignore[index]
    assert apply("pumps.P1.feeds.1=Z")[0]["pumps"]["P1"]["feeds"] == ["X", "Z"]  # type: ignore[index]
    assert apply("pumps.P1.feeds=[Q]")[0]["pumps"]["P1"]["feeds"] == ["Q"]  # type: ignore[index]
    assert apply("pumps.PUMP_B={type: b}")[0]["pumps"]["PUMP_B"] == {"type": "b"}  # type: ignore[index]
    assert apply("pumps.P1.feeds=null")[0]["pumps"]["P1"] == {"type": "a"}  # type: ignore[index]
    assert apply("label=1e3")[0]["label"] == 1000.0  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "found", "hint"),
    [
        ("pumps.P1.flow_lmin=5", "unknown name 'flow_lmin'", "did you mean flow_l_min?"),
        ("pump.P1.type=b", "unknown name 'pump'", "did you mean pumps?"),
        ("pumps.P12.type=b", "unknown name 'P12'", "did you mean P1?"),
        ("pumps.P1.feeds.2=Z", "item '2'", ""),
        ("name.x=1", "the value 'p' on the way to 'x'", ""),
    ],
)
def test_set_of_an_unknown_path_has_near_names(text: str, found: str, hint: str) -> None:
    _, problems = apply(text)
    assert [(p.file, p.found, p.hint) for p in problems] == [("--set", found, hint)]


@pytest.mark.parametrize("text", ["name", "=3", "name=[1", "name=!own 1"])
def test_set_that_cannot_be_read(text: str) -> None:
    with pytest.raises(SpecError, match="--set:1"):
        parse_set(text)


def test_a_value_by_set_that_is_not_finite_blames_the_option() -> None:
    tree = parse_yaml("name: p\npumps: {P1: {type: a}}\n", "f.yaml")
    path, value = parse_set("pumps.P1.flow_l_min=.nan", 3)
    made, found = validate(Plant, override(tree, path, value, Plant, []))
    assert made is None
    assert [(p.file, p.line, p.where, p.found) for p in found] == [("--set", 3, "pumps.P1.flow_l_min", ".nan")]


def test_a_wrong_value_by_set_blames_the_option() -> None:
    tree = parse_yaml("name: p\npumps: {P1: {type: a}}\n", "f.yaml")
    path, value = parse_set("pumps.P1.flow_l_min=-3", 2)
    _, found = validate(Plant, override(tree, path, value, Plant, []))
    assert [str(p) for p in found] == ["--set:2: pumps.P1.flow_l_min: found -3, wanted greater than 0"]


def test_section_from_reads_one_part(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("other: 1\nplant: {name: x, pumps: {}}\n")
    assert section_from(tmp_path / "f.yaml", "plant", Plant).name == "x"


keys = st.sampled_from("abcd")
trees = st.recursive(
    st.integers(0, 9), lambda t: st.lists(t, max_size=3) | st.dictionaries(keys, t, max_size=4), max_leaves=15
)
maps = st.dictionaries(keys, trees, max_size=4)


def _leaves(value: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    if isinstance(value, dict) and value:
        return [leaf for key, item in value.items() for leaf in _leaves(item, (*path, key))]
    return [(path, value)] if not isinstance(value, dict) else []


def _at(value: object, path: tuple[str, ...]) -> object:
    for key in path:
        assert isinstance(value, dict)
        value = value[key]
    return value


@given(maps, maps, maps)
def test_merge_properties(a: dict, b: dict, c: dict) -> None:
    one, two, three = (from_plain(x, n) for x, n in ((a, "a"), (b, "b"), (c, "c")))
    empty = from_plain({}, "e")
    assert plain(merge(one, one)) == a
    assert plain(merge(one, empty)) == a and plain(merge(empty, one)) == a
    last = plain(merge(merge(one, two), three))
    assert all(_at(last, path) == leaf for path, leaf in _leaves(c))  # the last file wins, leaf by leaf
    merged = merge(one, two)
    assert isinstance(merged.value, dict)
    assert set(merged.value) == set(a) | set(b)
    for key in b:
        if not (isinstance(a.get(key), dict) and isinstance(b[key], dict)):
            assert plain(merged.value[key]) == b[key] and merged.value[key].file == "b"
    assert plain(one) == a  # nothing is changed in place
