"""One piece of equipment: its numbers, each with unit (in its key), source and trust tag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from twin.spec.model import Spec

Tag = Literal["primary", "secondary", "recalled", "derived", "measured", "estimate", "submittal"]
ItemName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.+-]*$", max_length=64)]
KeyName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=80)]
ClassName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Source = Annotated[str, StringConstraints(min_length=3, max_length=600)]
Number = int | float
Data = Number | str | bool | list[Number] | list[list[Number]]

# Units a key can end with. A compound unit such as w_m2_k or j_kg_k ends with its last part; `per` joins a rate.
UNITS = frozenset(
    "w kw mw va kva mva var kvar v kv a ka ohm mohm f c k kg g t l m mm cm km m2 cm2 m3 um pa kpa mpa bar n nm "
    "j kj mj gj kwh mwh wh ah s ms us ns min h day year years hz khz mhz ghz rpm db deg rad lx "
    "bit kbit mbit gbit tbit byte bytes kb mb gb tb kib mib gib tib flop flops gflops tflops pflops "
    "token tokens request requests usd ppm u fraction ratio factor count number exponent pu per".split()
)


def is_unit(word: str) -> bool:
    """Whether a word is a unit, or a power of one (kg2, s3)."""
    return word in UNITS or (word[-1:] in "23456" and word[:-1] in UNITS)


def has_unit(key: str) -> bool:
    """Whether the last word of a key is a unit.

    Examples
    --------
    >>> has_unit("gpu_tdp_w"), has_unit("resistance_k_w"), has_unit("repair_h"), has_unit("power")
    (True, True, True, False)
    """
    words = key.split("_")
    if len(words) >= 3 and words[-2] == "per":  # failures_per_year, heat_per_rack
        return True
    return len(words) >= 2 and is_unit(words[-1])


_RANGES: dict[str, tuple[float, float]] = {
    "fraction": (-1.0, 10.0),
    "c": (-90.0, 1500.0),
    "kg": (0.0, 1e7),
    "w": (0.0, 1e10),
    "kw": (0.0, 1e7),
    "mw": (0.0, 1e4),
    "pa": (-1e8, 1e8),
    "s": (0.0, 1e10),
    "count": (0.0, 1e16),
    "ratio": (-1e3, 1e4),
    "m": (-1e5, 1e6),
    "l": (0.0, 1e9),
    "kva": (0.0, 1e7),
    "v": (-2e6, 2e6),
}


FLOWS = frozenset({"kg_s", "l_min", "l_s", "m3_s", "m3_h", "kg_h"})


def implausible(key: str, number: float) -> str:
    """What is wanted of a number whose key ends so, or "" if it lies there."""
    words = key.split("_")
    unit = words[-1]
    if "_".join(words[-2:]) in FLOWS:
        return "" if number >= 0.0 else f"no negative flow for a key in _{words[-2]}_{unit}"
    simple = len(words) < 2 or not is_unit(words[-2])  # _w but not _k_w
    low, high = _RANGES.get(unit, (-1e18, 1e18)) if simple else (-1e18, 1e18)
    return "" if low <= number <= high else f"a value between {low:g} and {high:g} for a key in _{unit}"


class Value(Spec):
    """One datum. `replaces` holds the catalogue value that a submittal has replaced."""

    value: Data
    source: Source
    tag: Tag
    note: str = ""
    document: str = ""
    revision: str = ""
    replaces: Data | None = None

    @property
    def is_number(self) -> bool:
        return isinstance(self.value, int | float | list) and not isinstance(self.value, bool)

    def numbers(self) -> Iterator[float]:
        todo: list[Any] = [self.value]
        while todo:
            one = todo.pop()
            if isinstance(one, list):
                todo += one
            elif isinstance(one, int | float) and not isinstance(one, bool):
                yield float(one)


class Item(Spec):
    """One catalogue item; ``item["gpu_tdp_w"]`` is the value itself, ``item.values["gpu_tdp_w"]`` with its source."""

    name: ItemName
    cls: ClassName = Field(alias="class")
    label: str
    note: str = ""
    sources: list[Source] = []
    values: dict[KeyName, Value]

    @field_validator("values")
    @classmethod
    def _some_values(cls, values: dict[str, Value]) -> dict[str, Value]:
        if not values:
            raise ValueError("at least one value")
        return values

    def __getitem__(self, key: str) -> Any:
        if key not in self.values:
            from twin.spec.problems import did_you_mean

            raise KeyError(f"catalogue item {self.name} has no {key!r} ({did_you_mean(key, self.values)})")
        return self.values[key].value

    def __contains__(self, key: object) -> bool:
        return key in self.values

    def get(self, key: str, default: Any = None) -> Any:
        return self.values[key].value if key in self.values else default

    def keys(self) -> list[str]:
        return list(self.values)


def check_item(item: Item) -> list[tuple[tuple[str, ...], str, str, str]]:
    """Unit suffix and plausibility of every number of one item."""
    out: list[tuple[tuple[str, ...], str, str, str]] = []
    for key, datum in item.values.items():
        if not datum.is_number:
            continue
        if not has_unit(key):
            out.append(
                (
                    ("values", key),
                    f"number {key!r} without a unit",
                    "a key that ends with its unit",
                    "such as _w, _c, _k, _kg_s, _pa, _fraction, _count",
                )
            )
        for number in datum.numbers():
            wanted = implausible(key, number)
            if wanted:
                out.append((("values", key), f"{number:g}", wanted, ""))
    return out
