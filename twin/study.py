"""A study: its members are handed in, waited for on the run store, collected and laid side by side."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from twin.errors import RunConflict, TwinError
from twin.store import CANCELLED, DONE, FAILED, FINAL, Run, RunStore, code_version
from twin.study_tables import read_kpis, write_json, write_tables

Request = Mapping[str, Any]
FORMAT = 1


class StudyLike(Protocol):
    """What a study needs to be run; `twin.spec.study.Study` has it."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def question(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def members(self) -> Sequence[Any]: ...


class Submit(Protocol):
    """Hands one run in and returns its id."""

    def __call__(self, name: str, request: Request, study_id: str | None = None) -> str: ...


@dataclass(frozen=True)
class MemberResult:
    """What came of one member. `folder` and `kpis` belong to a member that is done."""

    name: str
    run_id: str
    state: str
    message: str
    attempt: int
    process_id: int | None
    host: str | None
    started_at: float | None
    ended_at: float | None
    folder: str | None
    kpis: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is; `fraction` counts each member alike."""

    fraction: float
    members: tuple[tuple[str, str, float], ...]  # name, state, progress

    def number(self, state: str) -> int:
        return sum(1 for _, found, _ in self.members if found == state)


@dataclass(frozen=True)
class StudyResult:
    """A study that has ended; members in the order of the file."""

    study_id: str
    folder: Path
    members: tuple[MemberResult, ...]
    reused: tuple[str, ...]  # members that an earlier start had finished

    @property
    def failed(self) -> tuple[MemberResult, ...]:
        return tuple(m for m in self.members if m.state != DONE)


def run_study(study: StudyLike, submit: Submit, store: RunStore, out_dir: Path,
              on_progress: Callable[[StudyProgress], None] = lambda progress: None, *,
              request_of: Callable[[Any, Path], Request] | None = None, resume: bool = False,
              check: Callable[[], None] = lambda: None) -> StudyResult:
    """Run every member of a study once and write its tables.

    Parameters
    ----------
    study : StudyLike
        Resolved study; member names are unique.
    submit : Submit
        Hands a request in and returns the run's id. It is given by the caller: this module knows no worker.
    store : RunStore
        Where the members' states are read; nothing else tells that a member has ended.
    out_dir : Path
        Study folder: ``study.json``, ``kpis.csv``, ``members/<name>/`` (run folders) and ``inputs/``.
    on_progress : callable
        Called with a `StudyProgress` whenever the states have been read.
    request_of : callable
        ``(member, inputs folder) -> request``; may write the member's input files into the folder. By default members
        are resolved scenarios, written whole.
    resume : bool
        Go on with the study begun in `out_dir`: members that are done and unchanged are not repeated.
    check : callable
        Called while waiting; raises `TwinError` when nobody is left to compute.

    Raises
    ------
    RunConflict
        `out_dir` holds a study already, or cannot be resumed by this version of the code.
    """
    _check_names(study)
    if request_of is None:
        from twin.study_inputs import scenario_request

        request_of = scenario_request
    out_dir = out_dir.resolve()
    earlier = _earlier(study, out_dir, resume)
    study_id = earlier["study_id"] if earlier else str(uuid.uuid4())
    (out_dir / "inputs").mkdir(parents=True, exist_ok=True)
    requests = {m.name: dict(request_of(m, out_dir / "inputs")) for m in study.members}
    digests = {name: _digest(request) for name, request in requests.items()}
    results = {m["name"]: MemberResult(**m) for m in earlier["members"]
               if m["state"] == DONE and m["name"] in digests and earlier["digests"][m["name"]] == digests[m["name"]]
               and (out_dir / m["folder"]).is_dir()} if earlier else {}
    reused = set(results)
    before: dict[str, str] = earlier["digests"] if earlier else {}

    def write(known: Mapping[str, str]) -> None:
        _write(study, study_id, out_dir, known, [results[n] for n in requests if n in results])

    write({**digests, **before})  # a changed member keeps its old digest until it has been handed in anew
    pending = _hand_in(requests, digests, before, results, submit, store, study_id)
    write(digests)
    shown: dict[str, tuple[str, float]] = {name: (r.state, 1.0) for name, r in results.items()}
    try:
        while True:
            ended = 0
            for run in store.select(run_ids=pending):
                shown[pending[run.id]] = (run.state, 1.0 if run.state in FINAL else run.progress)
                if run.state in FINAL:
                    name = pending.pop(run.id)
                    results[name] = _collect(run, name, store, out_dir)
                    ended += 1
            if ended:
                write(digests)
            states = tuple((name, *shown[name]) for name in requests)
            on_progress(StudyProgress(sum(fraction for _, _, fraction in states) / len(states), states))
            if not pending:
                break
            check()
            time.sleep(min(5.0, 0.1 + 5e-4 * len(pending)))
    except BaseException:
        for run_id in pending:
            store.request_cancel(run_id)
        write(digests)
        raise
    reused_names = tuple(name for name in requests if name in reused)
    return StudyResult(study_id, out_dir, tuple(results[name] for name in requests), reused_names)


def _check_names(study: StudyLike) -> None:
    seen: set[str] = set()
    for member in study.members:
        if member.name.lower() in seen:
            raise TwinError(f"study {study.name}: two members are named {member.name!r}, wanted a name for each "
                            "(capitals do not count); give one of them a `name:` of its own")
        if not member.name or member.name.startswith(".") or {"/", "\\", "\0"} & set(member.name):
            raise TwinError(f"study {study.name}: found member name {member.name!r}, wanted a folder name")
        seen.add(member.name.lower())


def _earlier(study: StudyLike, out_dir: Path, resume: bool) -> dict[str, Any] | None:
    """What an earlier start left in the folder; None if it is a new one."""
    path = out_dir / "study.json"
    if not path.exists():
        if out_dir.exists() and any(out_dir.iterdir()):
            raise RunConflict(f"{out_dir}: found a folder with other content, wanted an empty or a new one")
        return None
    if not resume:
        raise RunConflict(f"{out_dir}: holds a study already; use --resume to go on with it, or another --out")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for what, wanted in (("format", FORMAT), ("name", study.name), ("code_version", code_version())):
        if found.get(what) != wanted:
            raise RunConflict(f"{path}: found {what} {found.get(what)!r}, wanted {wanted!r}; results of the two do not "
                              "mix, so start again in another folder")
    return found


def _hand_in(requests: Mapping[str, Request], digests: Mapping[str, str], before: Mapping[str, str],
             results: Mapping[str, MemberResult], submit: Submit, store: RunStore, study_id: str) -> dict[str, str]:
    """Run id -> member for every member still to be waited for; a run that is under way or done is not repeated."""
    alive = {run.name: run for run in store.select(study_id=study_id)
             if run.state not in (FAILED, CANCELLED) and not run.cancel_requested} if before else {}
    pending: dict[str, str] = {}
    for name, request in requests.items():
        if name in results:
            continue
        run = alive.get(name)
        same = run is not None and before.get(name) == digests[name] and run.code_version == code_version()
        pending[run.id if run is not None and same else submit(name, request, study_id)] = name
    return pending


def _collect(run: Run, name: str, store: RunStore, out_dir: Path) -> MemberResult:
    """Bring a run that has ended into the study folder."""
    state, message, folder, kpis = run.state, run.message, None, {}
    if state == DONE:
        try:
            _link_folder(store.result_folder(run), out_dir / "members" / name)
            folder, kpis = f"members/{name}", read_kpis(out_dir / "members" / name)
        except (OSError, ValueError) as error:
            state, message, folder = FAILED, f"the result of run {run.id} cannot be read: {error}", None
    return MemberResult(name, run.id, state, message, run.attempt, run.process_id, run.host, run.started_at,
                        run.ended_at, folder, kpis)


def _link_folder(source: Path, target: Path) -> None:
    """`target` appears whole or not at all; on one file system its files share the bytes of `source`."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial, copy_function=_link_or_copy)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _digest(request: Request) -> str:
    """Digest of a request with the content of the files it names."""
    digest = hashlib.sha256()
    for key in sorted(request):
        value = request[key]
        content = Path(value).read_bytes() if isinstance(value, str) and Path(value).is_file() else \
            json.dumps(value, sort_keys=True).encode()
        digest.update(f"{key}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _write(study: StudyLike, study_id: str, out_dir: Path, digests: Mapping[str, str],
           members: Sequence[MemberResult]) -> None:
    write_tables(study.name, members, out_dir)
    write_json(out_dir / "study.json", {
        "format": FORMAT, "study_id": study_id, "name": study.name, "label": study.label, "question": study.question,
        "kind": study.kind, "code_version": code_version(), "member_count": len(study.members),
        "digests": dict(digests), "members": [asdict(m) for m in members]})
