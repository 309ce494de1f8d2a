"""The workload: where requests come from, which racks serve them, which racks train."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from twin.spec.model import Fraction, Id, NonNegative, Positive, Spec
from twin.spec.shape import FileName

Finding = tuple[tuple[str | int, ...], str, str, str]
TRACE_SUFFIXES = (".csv", ".jsonl")


class RequestClassSpec(Spec):
    """Lognormal token counts of one kind of request: median, sigma of the logarithm, maximum."""

    share: Positive
    new_median_tokens: Positive
    new_sigma: NonNegative
    new_max_tokens: int = Field(ge=1, le=4_000_000)
    cached_median_tokens: NonNegative = 0.0
    cached_sigma: NonNegative = 0.0
    cached_max_tokens: int = Field(default=0, ge=0, le=4_000_000)
    output_median_tokens: Positive
    output_sigma: NonNegative
    output_max_tokens: int = Field(ge=1, le=100_000)
    cold_fraction: Fraction = 0.0
    cold_max_tokens: int = Field(default=0, ge=0, le=4_000_000)
    source: str = ""


class Generator(Spec):
    """A synthetic trace, superposed like a measured one when no `trace` is given."""

    requests: int = Field(default=20_000, ge=100, le=2_000_000)
    length_s: float = Field(default=3600.0, ge=60.0, le=86_400.0)
    variance_over_mean: float = Field(default=1.0, ge=1.0, le=100.0)
    classes: dict[Id, RequestClassSpec] = Field(min_length=1)


class Arrivals(Spec):
    """Load of each pool over its own capacity at the daily peak, and the shape of the day."""

    utilization_fraction: float = Field(gt=0.0, le=3.0)
    low_fraction: Fraction = 1.0
    peak_hour: float = Field(default=15.0, ge=0.0, lt=24.0)


class Sla(Spec):
    """A token is within the agreement when its request's first token and its own interval came in time."""

    ttft_s: Positive
    itl_s: Positive


class Pool(Spec):
    """Racks behind one router. `racks`: ids or globs."""

    racks: tuple[str, ...] = Field(min_length=1)
    engine: str
    model: str
    prefill_gpus: int = Field(ge=0)
    worker_gpus: int = Field(ge=1)
    shared: bool = False
    pass_tokens: int = Field(default=16384, ge=1)
    pass_prompts: int = Field(default=64, ge=1, le=256)
    batch_per_gpu: int = Field(default=256, ge=1)
    queue_limit: int = Field(default=4096, ge=1, le=100_000)
    wait_limit: int = Field(default=1024, ge=1, le=100_000)
    timeout_s: Positive = 30.0
    draft_tokens: int | None = Field(default=None, ge=0, le=8)
    acceptance_tokens: float | None = Field(default=None, ge=1.0, le=9.0)
    sla: Sla
    label: str = ""

    @model_validator(mode="after")
    def _drafts(self) -> Pool:
        if (self.draft_tokens is None) != (self.acceptance_tokens is None):
            raise ValueError("draft_tokens and acceptance_tokens together, or neither")
        if self.draft_tokens is not None and (self.acceptance_tokens or 0.0) > self.draft_tokens + 1:
            raise ValueError("at most draft_tokens + 1 accepted tokens per step")
        return self


class Job(Spec):
    """A synchronous training job on whole racks."""

    racks: tuple[str, ...] = Field(min_length=1)
    recipe: str
    checkpoint_interval_s: Positive | Literal["daly"] = "daly"
    spare_gpus: int = Field(default=0, ge=0)
    label: str = ""


class Workload(Spec):
    """Top level of a workload file. `trace`: an Azure 2023 CSV or a Mooncake JSONL file."""

    name: str = ""
    label: str = ""
    note: str = ""
    trace: Annotated[str, FileName(suffixes=TRACE_SUFFIXES)] | None = None
    generator: Generator | None = None
    arrivals: Arrivals | None = None
    pools: dict[Id, Pool] = {}
    jobs: dict[Id, Job] = {}


def select(patterns: tuple[str, ...], ids: tuple[str, ...]) -> tuple[str, ...]:
    """Ids that match any of the globs, in the order of the ids."""
    return tuple(i for i in ids if any(fnmatchcase(i, p) for p in patterns))


def check_workload(workload: Workload, facility: Any, catalogue: Any = None) -> list[Finding]:
    """Racks exist and belong to one user, items exist, a pool has its requests."""
    found: list[Finding] = []
    ids = tuple(facility.racks)
    known = "known racks: " + ", ".join(ids)
    owner: dict[str, str] = {}
    for kind, group in (("pools", workload.pools), ("jobs", workload.jobs)):
        for name, user in group.items():
            for i, pattern in enumerate(user.racks):
                mine = select((pattern,), ids)
                if not mine:
                    found.append(((kind, name, "racks", i), repr(pattern), "a rack or a glob that matches one", known))
                for rack in mine:
                    if owner.setdefault(rack, name) != name:
                        found.append(
                            ((kind, name, "racks", i), f"{rack} of {owner[rack]}", "a rack that nobody else uses", "")
                        )
            if catalogue is not None:
                keys = (("engine", "serving"), ("model", "model")) if kind == "pools" else (("recipe", "training"),)
                for key, cls in keys:
                    item = getattr(user, key)
                    if item not in catalogue:
                        found.append(((kind, name, key), repr(item), f"a catalogue item of class {cls}", ""))
                    elif catalogue.item(item).cls != cls:
                        wrong = f"{item!r} of class {catalogue.item(item).cls}"
                        found.append(((kind, name, key), wrong, f"a catalogue item of class {cls}", ""))
    for name, pool in workload.pools.items():
        found += _check_pool(name, pool, facility, catalogue)
    if workload.pools and workload.arrivals is None:
        hint = "arrivals: {utilization_fraction: 0.7}"
        found.append((("arrivals",), "nothing", "the utilization of the pools", hint))
    if workload.pools and workload.trace is None and workload.generator is None:
        found.append((("trace",), "nothing", "a trace or a generator", ""))
    return found


def _check_pool(name: str, pool: Pool, facility: Any, catalogue: Any) -> list[Finding]:
    found: list[Finding] = []
    racks = select(pool.racks, tuple(facility.racks))
    if catalogue is None or not racks or facility.racks[racks[0]].type not in catalogue:
        return found
    gpus = int(catalogue.item(facility.racks[racks[0]].type).get("gpus_count", 0))
    if pool.shared:
        if pool.prefill_gpus != 0:
            found.append((("pools", name, "prefill_gpus"), str(pool.prefill_gpus), "0 for a shared pool", ""))
    elif not 0 < pool.prefill_gpus < gpus:
        found.append((("pools", name, "prefill_gpus"), str(pool.prefill_gpus), f"1 .. {gpus - 1}", "the rest decode"))
    share = gpus if pool.shared else pool.prefill_gpus
    if share % pool.worker_gpus:
        found.append((("pools", name, "worker_gpus"), str(pool.worker_gpus), f"a divisor of {share}", ""))
    return found
