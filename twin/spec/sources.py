"""Where specs lie: reference projects, files beside files, and the bases a file builds on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from twin.errors import Problem, SpecError
from twin.spec.merge import merge
from twin.spec.problems import at, did_you_mean, show
from twin.spec.shape import FileName, walk
from twin.spec.yaml_source import Node, plain, read_yaml

PROJECTS = Path(__file__).parent.parent / "projects"
MAX_BASES = 16


_ROOT: ContextVar[Path | None] = ContextVar("root of the files that a spec may name", default=None)


@contextmanager
def inside(root: Path) -> Iterator[None]:
    """While it lasts, specs reach files below `root` and the reference projects only (for input of strangers)."""
    token = _ROOT.set(root.resolve())
    try:
        yield
    finally:
        _ROOT.reset(token)


def reachable(path: Path) -> bool:
    """Whether a file exists and may be read; one outside the root is as good as absent."""
    root = _ROOT.get()
    if not path.is_file():
        return False
    return root is None or any(path.resolve().is_relative_to(r) for r in (root, PROJECTS.resolve()))


def list_projects() -> tuple[str, ...]:
    """Names of the reference projects."""
    return tuple(sorted(p.parent.name for p in PROJECTS.glob("*/facility.yaml")))


def shown(path: Path) -> str:
    """A path as messages name it: relative to the working folder, or for packaged files to the package."""
    for root, prefix in ((Path.cwd(), ""), (PROJECTS.parent, "twin/")):
        try:
            return prefix + path.resolve().relative_to(root.resolve()).as_posix()
        except ValueError:
            continue
    return str(path)


def facility_path(name_or_file: str | Path) -> Path:
    """File of a reference project's name, of a project folder or of a file."""
    given = Path(name_or_file)
    if reachable(given):
        return given
    if reachable(given / "facility.yaml"):
        return given / "facility.yaml"
    if str(name_or_file) in list_projects():
        return PROJECTS / str(name_or_file) / "facility.yaml"
    hint = did_you_mean(str(name_or_file), list_projects())
    raise SpecError(
        [
            Problem(
                str(name_or_file),
                1,
                "(file)",
                "no such file or reference project",
                "a facility file or the name of a reference project",
                hint,
            )
        ]
    )


def beside(node: Node) -> Path:
    """Folder of the file in which a value was written."""
    path = Path(node.file)
    if node.file.startswith("twin/projects/") and not path.exists():
        path = PROJECTS.parent / node.file.removeprefix("twin/")
    return path.parent if not node.file.startswith("--") else Path.cwd()


def _find_base(name: Node, folders: Sequence[Path]) -> Path:
    text = str(name.value)
    options: list[str] = []
    for folder in folders:
        for candidate in (folder / text, folder / f"{text}.yaml", folder / text / "facility.yaml"):
            if reachable(candidate):
                return candidate
        options += [p.stem for p in sorted(folder.glob("*.yaml"))]
    raise SpecError(
        [
            Problem(
                name.file,
                name.line,
                "base",
                repr(text),
                "a file or a name that exists",
                did_you_mean(text, [*options, *list_projects()]),
            )
        ]
    )


def read_tree(path: Path, more_folders: Sequence[Path] = ()) -> Node:
    """Tree of a file laid over its `base`s."""
    return lay_over_base(read_yaml(path, shown=shown(path)), path.parent, more_folders, [path.resolve()])


def lay_over_base(tree: Node, folder: Path, more_folders: Sequence[Path], seen: list[Path]) -> Node:
    """A tree laid over the base it names; a circle of bases is refused."""
    if not isinstance(tree.value, dict) or "base" not in tree.value:
        return tree
    name = tree.value["base"]
    own = Node({k: v for k, v in tree.value.items() if k != "base"}, tree.file, tree.line, tree.size)
    if not isinstance(name.value, str):
        raise SpecError([Problem(name.file, name.line, "base", show(plain(name)), "the name of a project or a file")])
    path = _find_base(name, [folder, *more_folders])
    if path.resolve() in seen or len(seen) > MAX_BASES:
        raise SpecError(
            [Problem(name.file, name.line, "base", repr(name.value), "a base that does not lead back here")]
        )
    below = lay_over_base(read_yaml(path, shown=shown(path)), path.parent, more_folders, [*seen, path.resolve()])
    problems: list[Problem] = []
    merged = merge(below, own, problems)
    if problems:
        raise SpecError(problems)
    return merged


def absolute_files(tree: Node, model: Any, problems: list[Problem]) -> Node:
    """The tree with every file name made absolute, next to the file that states it; missing ones are problems."""
    found: dict[tuple[str | int, ...], Node] = {}
    for path, node, expected in walk(tree, model):
        mark = next((m for m in expected.marks if isinstance(m, FileName)), None)
        if mark is None or not isinstance(node.value, str) or node.value in mark.names:
            continue
        file = Path(node.value) if Path(node.value).is_absolute() else beside(node) / node.value
        if mark.suffixes and file.suffix.lower() not in mark.suffixes:
            problems.append(
                at(
                    tree,
                    path,
                    show(node.value),
                    "a file "
                    + " or ".join("*" + s for s in mark.suffixes)
                    + (" or " + " or ".join(mark.names) if mark.names else ""),
                    did_you_mean(node.value, mark.names),
                )
            )
        elif not reachable(file):
            near = [p.name for p in sorted(file.parent.glob("*" + file.suffix))] if file.parent.is_dir() else []
            problems.append(at(tree, path, show(node.value), "a file that exists", did_you_mean(file.name, near)))
        else:
            found[path] = Node(str(file.resolve()), node.file, node.line)
    return _replace(tree, found, ()) if found else tree


def _replace(node: Node, found: dict[tuple[str | int, ...], Node], path: tuple[str | int, ...]) -> Node:
    if path in found:
        return found[path]
    if isinstance(node.value, dict):
        return Node({k: _replace(v, found, (*path, k)) for k, v in node.value.items()}, node.file, node.line, node.size)
    if isinstance(node.value, list):
        return Node([_replace(v, found, (*path, i)) for i, v in enumerate(node.value)], node.file, node.line, node.size)
    return node
