"""Reading YAML: places, hostile input, brace ranges."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from twin.errors import SpecError
from twin.spec.problems import validate
from twin.spec.resolved import to_yaml
from twin.spec.yaml_source import MAX_NODES, expand_braces, parse_yaml, plain, read_yaml


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as raised:
        parse_yaml(text, "f.yaml")
    return [str(p) for p in raised.value.problems]


def test_every_value_knows_its_line() -> None:
    root = parse_yaml("a: 1\nb:\n  c: [x,\n      y]\n  d: {e: 2}\n", "f.yaml")
    assert isinstance(root.value, dict)
    b = root.value["b"]
    assert isinstance(b.value, dict) and isinstance(b.value["c"].value, list)
    assert (root.value["a"].line, b.line, b.value["c"].line, b.value["c"].value[1].line, b.value["d"].line) == (
        1,
        2,
        3,
        4,
        5,
    )


def test_duplicate_keys_are_refused_with_both_lines() -> None:
    assert problems("a: 1\nb: 2\na: 3\n") == [
        "f.yaml:3: a: found duplicate key 'a', wanted each key once (first on line 1)"
    ]


def test_a_brace_range_that_meets_a_key_is_a_duplicate() -> None:
    assert problems("R02: {x: 1}\nR{01..03}: {x: 2}\n") == [
        "f.yaml:2: R02: found duplicate key 'R02', wanted each key once (first on line 1)"
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("RK{01..03}", ["RK01", "RK02", "RK03"]),
        ("RK{8..11}", ["RK8", "RK9", "RK10", "RK11"]),
        ("UPS_{A..D}", ["UPS_A", "UPS_B", "UPS_C", "UPS_D"]),
        ("R{1..2}_{a..b}", ["R1_a", "R1_b", "R2_a", "R2_b"]),
        ("plain", ["plain"]),
    ],
)
def test_brace_ranges(text: str, names: list[str]) -> None:
    assert expand_braces(text) == names


@pytest.mark.parametrize("text", ["R{03..01}", "R{0..99999}", "R{A..2}", "R{1..900}{1..900}", "R{1..}", "R{D..A}"])
def test_a_bad_range_is_refused_at_its_line(text: str) -> None:
    assert problems(f"ok: 1\n{text}: 2\n")[0].startswith(f"f.yaml:2: {text}: found key")


def test_numbers_texts_and_words_of_yaml_1_2() -> None:
    text = 'a: 12:00\nb: on\nc: 2024-07-01\nd: 1e6\ne: 010\nf: "1"\ng: true\nh: ~\ni: 1_000\nj: -.5\nk: !!str 7\n'
    assert plain(parse_yaml(text, "f")) == {
        "a": "12:00",
        "b": "on",
        "c": "2024-07-01",
        "d": 1e6,
        "e": "010",
        "f": "1",
        "g": True,
        "h": None,
        "i": 1000,
        "j": -0.5,
        "k": "7",
    }


@pytest.mark.parametrize("number", [".nan", ".inf", "-.inf", "nan", "Infinity", "1e999"])
def test_not_finite_numbers_are_refused_by_validation_wherever_they_stand(number: str) -> None:
    class Loose(BaseModel):
        x: int
        y: Any
        z: list[float] = []

    made, found = validate(Loose, parse_yaml(f"x: text\ny: {{a: {number}}}\nz: [1, {number}]\n", "f.yaml"))
    assert made is None
    assert [(p.line, p.where, p.found) for p in found] == [
        (1, "x", "'text'"),
        (2, "y.a", number),
        (3, "z.1", number),
    ]
    made, found = validate(Loose, parse_yaml(f"x: 1\ny: {number}\n", "f.yaml"))
    assert made is None and len(found) == 1
    assert str(found[0]).startswith(f"f.yaml:2: y: found {number}, wanted a finite number")


def test_a_digit_bomb_is_refused() -> None:
    assert "a number of 100000 digits" in problems("x: " + "9" * 100_000)[0]


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system ''", "!own {a: 1}", "!!set {a}"]
)
def test_tags_are_refused_and_nothing_is_built(tag: str) -> None:
    assert "wanted a value without a tag" in problems(f"a: 1\nx: {tag}\n")[0]


def test_an_alias_bomb_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 12)]
    begun = time.process_time()
    assert f"more than {MAX_NODES} values" in problems("\n".join(lines))[0]
    assert time.process_time() - begun < 2.0


def test_a_range_bomb_is_refused() -> None:
    assert f"more than {MAX_NODES} values" in problems("a{1..20000}:\n  b{1..1000}: 1")[-1]


def test_a_recursive_alias_is_refused() -> None:
    assert problems("a: &a\n  b: *a\n")[0].startswith("f.yaml:2: a.b: found alias *a")


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 3000 + "x", "? " * 500])
def test_deep_nesting_is_refused(text: str) -> None:
    assert len(problems(text)) == 1


@pytest.mark.parametrize(
    "text", ["a: [1", "a: b: c", "\ta: 1", "a: \x00", "a: 'x", "%YAML 9.9\n---\na: 1", "@x: 1", "*no: 1"]
)
def test_broken_text_has_a_line(text: str) -> None:
    assert problems(text)[0].startswith("f.yaml:")


def test_merge_keys_and_second_documents_are_refused() -> None:
    assert "merge key" in problems("a: &a {x: 1}\nb: {<<: *a}\n")[0]
    assert problems("a: 1\n---\nb: 1\n")[0].startswith("f.yaml:2: (top): found a second document")


def test_unreadable_files(tmp_path) -> None:
    for make, word in (
        (lambda p: None, "No such file"),
        (lambda p: p.write_bytes(b"a: \xff\n"), "no UTF-8"),
        (lambda p: p.write_bytes(b"#" * (5 << 20)), "bytes"),
        (lambda p: p.mkdir(), "directory"),
    ):
        path = tmp_path / f"{word.split()[-1]}.yaml"
        make(path)
        with pytest.raises(SpecError, match=word):
            read_yaml(path)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_a_tree_or_a_spec_error(text: str) -> None:
    try:
        parse_yaml(text, "f.yaml")
    except SpecError as error:
        assert all(p.line >= 1 for p in error.problems)


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
    | st.sampled_from(
        [
            "12:00",
            "on",
            "1e6",
            "010",
            "0x10",
            "~",
            "null",
            ".inf",
            "2024-01-01",
            "<<",
            "=",
            "1_0",
            "- a",
            "a: b",
            "#",
            "!x",
        ]
    )
)
keys = st.text(st.characters(codec="ascii", categories=["L", "Nd"]), min_size=1, max_size=8)
trees = st.recursive(leaves, lambda t: st.lists(t, max_size=4) | st.dictionaries(keys, t, max_size=4), max_leaves=20)


@settings(max_examples=300, deadline=None)
@given(trees)
def test_written_values_read_back_equal(value: object) -> None:
    assert plain(parse_yaml(to_yaml(value), "f")) == value


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.booleans() | st.integers(-1000, 1000) | st.sampled_from(["x", "a b"]),
        lambda t: st.lists(t, max_size=4) | st.dictionaries(keys, t, max_size=4),
        max_leaves=20,
    )
)
def test_agrees_with_safe_load_on_common_values(value: object) -> None:
    text = yaml.safe_dump(value)
    assert plain(parse_yaml(text, "f")) == yaml.safe_load(text)
