"""The host of one FMU instance: a child process with time limits, whose death or silence is an FmuError here."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path

from twin.errors import FmuError
from twin.fmu.archive import sha256_of, unpack
from twin.fmu.child import HEAD, WINDOW
from twin.fmu.description import FmuInfo, inspect_fmu


class FmuHost:
    """One FMI 2.0 co-simulation instance in a process of its own.

    Parameters
    ----------
    path : .fmu file
    inputs, outputs : names of the real variables set before and read after each step
    start : start values by name
    load_limit_s, step_limit_s : longest time for loading and for one step

    The unit's folder is temporary and removed by `close`, whatever happened. The child has no handle of the parent but
    one pipe each way; it keeps the machine's network, so an FMU runs only where its file is trusted.
    """

    def __init__(
        self,
        path: str | Path,
        inputs: Sequence[str],
        outputs: Sequence[str],
        start: Mapping[str, float] | None = None,
        load_limit_s: float = 60.0,
        step_limit_s: float = 30.0,
    ):
        self.path = Path(path)
        self.info: FmuInfo = inspect_fmu(self.path)
        if self.info.refusals:
            raise FmuError(f"{self.path.name}: cannot be run here: " + "; ".join(self.info.refusals))
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)
        self.start = dict(start or {})
        self._check_names()
        self.load_limit_s, self.step_limit_s = load_limit_s, step_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._log: Path | None = None
        self._pack_in = struct.Struct(f"<{len(self.inputs)}d")
        self._pack_out = struct.Struct(f"<{len(self.outputs)}d")
        self.time_s = 0.0
        self.steps = 0
        self.slowest_s = 0.0

    def _check_names(self) -> None:
        known = self.info.variables
        problems = [
            f"{name}: no such variable" for name in (*self.inputs, *self.outputs, *self.start) if name not in known
        ]
        problems += [
            f"{name}: {known[name].kind}, wanted Real"
            for name in (*self.inputs, *self.outputs, *self.start)
            if name in known and known[name].kind != "Real"
        ]
        problems += [
            f"{name}: start value of a variable with causality {known[name].causality} and initial 'calculated'"
            for name in self.start
            if name in known and known[name].causality == "output"
        ]
        if problems:
            raise FmuError(f"{self.path.name}: " + "; ".join(problems))

    # ------------------------------------------------------------------------------------------------ life

    def open(self, start_s: float = 0.0) -> list[float]:
        """Start the child, initialise the unit at a time [s]; returns its outputs."""
        self.close()
        self._folder = tempfile.mkdtemp(prefix="twin-fmu-")
        try:
            if sha256_of(self.path) != self.info.sha256:
                raise FmuError(f"{self.path.name}: the file changed since it was inspected")
            unit_folder = Path(self._folder) / "unit"
            unit_folder.mkdir()
            unpack(self.path, unit_folder)
            self._log = Path(self._folder) / "messages.txt"
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "twin.fmu.child"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    cwd=self._folder,
                    close_fds=True,
                    start_new_session=True,
                    env=_environment(),
                )
            reference = {name: v.reference for name, v in self.info.variables.items()}
            settings = {
                "guid": self.info.guid,
                "folder": str(unit_folder),
                "identifier": self.info.identifier,
                "instance": self.path.stem,
                "start_s": start_s,
                "references": [reference[n] for n in self.start],
                "values": [float(v) for v in self.start.values()],
                "inputs": [reference[n] for n in self.inputs],
                "outputs": [reference[n] for n in self.outputs],
            }
            answer = self._ask(b"I", json.dumps(settings).encode(), self.load_limit_s, "loading")
        except BaseException:
            self.close()
            raise
        self.time_s, self.steps = start_s, 0
        return self._numbers(answer)

    def close(self) -> None:
        """End the child and remove its folder."""
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            try:
                self._process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                self._kill()
            self._process = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def _kill(self) -> None:
        if self._process is not None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)  # its own session: only this child and what it started
            except ProcessLookupError:
                pass
            self._process.wait()

    def __enter__(self) -> FmuHost:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # interpreter shutdown
            pass

    # ------------------------------------------------------------------------------------------------ stepping

    def step(self, start_s: float, length_s: float, values: Sequence[float]) -> list[float]:
        """Hold the inputs, step from start to start + length; returns the outputs at the end, all finite."""
        begun = time.monotonic()
        body = WINDOW.pack(start_s, length_s) + self._pack_in.pack(*values)
        outputs = self._numbers(self._ask(b"S", body, self.step_limit_s, f"the step from {start_s:.6f} s"))
        self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
        self.time_s, self.steps = start_s + length_s, self.steps + 1
        return outputs

    def read(self) -> list[float]:
        """Outputs now."""
        return self._numbers(self._ask(b"V", b"", self.step_limit_s, "reading"))

    def keep(self, slot: int = 0) -> None:
        """Keep the present state in a slot of the child (needs canGetAndSetFMUstate)."""
        self._ask(b"G", str(slot).encode(), self.step_limit_s, "keeping the state")

    def restore(self, slot: int = 0) -> None:
        """Go back to a kept state."""
        self._ask(b"R", str(slot).encode(), self.step_limit_s, "restoring the state")

    def dump(self) -> bytes:
        """Serialised state (needs canSerializeFMUstate)."""
        return self._ask(b"D", b"", self.step_limit_s, "serialising the state")

    def undump(self, state: bytes) -> None:
        """Continue from a serialised state."""
        self._ask(b"U", state, self.step_limit_s, "restoring a serialised state")

    def _numbers(self, answer: bytes) -> list[float]:
        values = list(self._pack_out.unpack(answer))
        bad = [name for name, value in zip(self.outputs, values, strict=True) if not isfinite(value)]
        if bad:
            raise FmuError(f"{self.path.name}: not finite after {self.time_s:.6f} s: {', '.join(bad[:8])}")
        return values

    def _ask(self, letter: bytes, body: bytes, limit_s: float, what: str) -> bytes:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise FmuError(f"{self.path.name}: not open ({what})")
        deadline = time.monotonic() + limit_s
        try:
            process.stdin.write(HEAD.pack(letter, len(body)) + body)
            process.stdin.flush()
            head = self._take(HEAD.size, deadline)
            kind, size = HEAD.unpack(head)
            answer = self._take(size, deadline)
        except TimeoutError:
            self._kill()
            self.close()
            raise FmuError(
                f"{self.path.name}: no answer within {limit_s:g} s in {what}; last good time {self.time_s:.6f} s"
            ) from None
        except (EOFError, BrokenPipeError):
            self._kill()
            code, said = process.returncode, self._last_words()
            how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit status {code}"
            self.close()
            raise FmuError(
                f"{self.path.name}: its process ended ({how}) in {what}; last good time {self.time_s:.6f} s"
                + (f"; it said: {said}" if said else "")
            ) from None
        if kind != b"K":
            raise FmuError(
                f"{self.path.name}: {answer.decode(errors='replace')} in {what}; last good time {self.time_s:.6f} s"
            )
        return answer

    def _take(self, size: int, deadline: float) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        parts: list[bytes] = []
        while size > 0:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError
            part = os.read(descriptor, min(size, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _last_words(self) -> str:
        if self._log is None or not self._log.is_file():
            return ""
        return self._log.read_bytes()[-400:].decode(errors="replace").strip().replace("\n", " | ")


def _environment() -> dict[str, str]:
    """What a child may see: where Python and libraries are, nothing that could hold a secret."""
    kept = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "VIRTUAL_ENV")
    found = {k: os.environ[k] for k in kept if k in os.environ}
    found["PYTHONPATH"] = os.pathsep.join(p for p in sys.path if p)
    found["OMP_NUM_THREADS"] = "1"
    return found
