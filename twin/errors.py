"""The errors a user can meet. Each message says what, where, found, wanted and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class TwinError(Exception):
    """Root of every error this product raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with an input, with its place."""

    file: str
    line: int
    where: str  # dotted path inside the file
    found: str
    wanted: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}: {self.where}: found {self.found}, wanted {self.wanted}{hint}"


class SpecError(TwinError):
    """Bad input; carries every problem found, not only the first."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class WiringError(TwinError):
    """A model that cannot be built: a signal with no or two producers, a cycle without a state, a lost mode."""


class SolverError(TwinError):
    """The solution failed: says the time, the state and what the solver said."""

    def __init__(self, message: str, *, t_s: float | None = None, state: str = ""):
        self.t_s, self.state = t_s, state
        at = f" at t = {t_s:.6f} s" if t_s is not None else ""
        of = f" in state {state}" if state else ""
        super().__init__(f"{message}{of}{at}")


class FmuError(TwinError):
    """A functional mock-up unit could not be loaded, mapped or stepped."""


class RunConflict(TwinError):
    """A run that another owner holds, or that exists already."""
