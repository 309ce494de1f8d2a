"""Equipment data: one YAML file an item, unit in every key, source and trust tag for every number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from twin.catalogue.item import Item, Value, check_item
from twin.errors import Problem, SpecError
from twin.spec.problems import at, did_you_mean, validate
from twin.spec.yaml_source import Node, read_yaml

ROOT = Path(__file__).parent


@dataclass(frozen=True)
class Catalogue:
    """Items by name; a facility's own items and submittals are laid over the packaged ones."""

    items: Mapping[str, Item]
    files: Mapping[str, str] = field(default_factory=dict)

    def item(self, name: str) -> Item:
        if name not in self.items:
            raise KeyError(f"no catalogue item {name!r} ({did_you_mean(name, self.items)})")
        return self.items[name]

    def __contains__(self, name: object) -> bool:
        return name in self.items

    def __iter__(self) -> Iterator[str]:
        return iter(self.items)

    def of_class(self, cls: str) -> tuple[Item, ...]:
        return tuple(item for _, item in sorted(self.items.items()) if item.cls == cls)

    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({item.cls for item in self.items.values()}))

    def with_items(self, items: Iterable[Item]) -> Catalogue:
        return Catalogue({**self.items, **{i.name: i for i in items}}, self.files)

    def with_value(self, name: str, key: str, value: Value) -> Catalogue:
        """Replace (or add) one value of one item; the value replaced is kept in `replaces`."""
        item = self.item(name)
        old = item.values.get(key)
        kept = value if old is None else value.model_copy(update={"replaces": old.value})
        changed = item.model_copy(update={"values": {**item.values, key: kept}})
        return Catalogue({**self.items, name: changed}, self.files)


def read_item(path: Path, shown: str) -> tuple[Item | None, list[Problem]]:
    """One item and every problem of its file."""
    try:
        root = read_yaml(path, shown=shown)
    except SpecError as error:
        return None, list(error.problems)
    return item_from(root)


def item_from(root: Node) -> tuple[Item | None, list[Problem]]:
    item, problems = validate(Item, root)
    if item is not None:
        problems = [at(root, path, *rest) for path, *rest in check_item(item)]
    return item, problems


def read_catalogue(root: Path = ROOT) -> tuple[Catalogue, list[Problem]]:
    """Every item file below `root` (`<class>/<name>.yaml`, modes apart) and every problem of them."""
    items: dict[str, Item] = {}
    files: dict[str, str] = {}
    problems: list[Problem] = []
    for path in sorted(root.glob("*/*.yaml")):
        if path.parent.name == "modes":
            continue
        shown = f"catalogue/{path.parent.name}/{path.name}"
        item, found = read_item(path, shown)
        problems += found
        if item is None:
            continue
        if item.name in items:
            problems.append(Problem(shown, 1, "name", f"{item.name!r} again", "a name used once", files[item.name]))
        if item.name != path.stem:
            problems.append(Problem(shown, 1, "name", repr(item.name), f"the name of its file, {path.stem!r}"))
        if item.cls != path.parent.name:
            problems.append(Problem(shown, 1, "class", repr(item.cls), f"the name of its folder, {path.parent.name!r}"))
        items[item.name] = item
        files[item.name] = shown
    return Catalogue(items, files), problems


@cache
def load_catalogue() -> Catalogue:
    """The packaged catalogue; a SpecError lists every problem of its files."""
    catalogue, problems = read_catalogue()
    if problems:
        raise SpecError(problems)
    return catalogue
