"""The facility plant: parameters with names, states with names, two integrators of one right-hand side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from thermal import fws_layout as lay
from thermal.fws_control import interlock
from thermal.fws_layout import FwsSizes
from thermal.fws_rhs import AIR_STATE, outdoor_air, rhs
from thermal.fws_step import advance, after_segment, control_at, observe, report, split_inputs, split_logic

Floats = NDArray[np.float64]
REFERENCE_C = 20.0  # stored energy counts from here


def _table(rows: Sequence[Mapping[str, float]], columns: tuple[str, ...], what: str) -> Floats:
    for row in rows:
        if set(row) != set(columns):
            odd = sorted(set(row) ^ set(columns))
            raise ValueError(f"{what}: missing or unknown parameters {odd}")
    return np.array([[float(row[c]) for c in columns] for row in rows], dtype=np.float64).reshape(
        len(rows), len(columns)
    )


@dataclass(frozen=True)
class FwsParameters:
    """Numbers of one plant: a mapping for the site, one per CDU branch, pump, bank, chiller (columns of fws_layout)."""

    site: Mapping[str, float]
    cdus: Sequence[Mapping[str, float]]
    pumps: Sequence[Mapping[str, float]]
    banks: Sequence[Mapping[str, float]]
    chillers: Sequence[Mapping[str, float]] = ()
    cells: int = 20

    @property
    def sizes(self) -> FwsSizes:
        return FwsSizes(len(self.cdus), len(self.pumps), len(self.banks), len(self.chillers), self.cells)

    def arrays(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Site, CDU, pump, bank and chiller tables for the compiled plant."""
        if not (self.cdus and self.pumps and self.banks):
            raise ValueError("a plant needs at least one CDU, one pump and one heat-rejection bank")
        return (
            _table([self.site], lay.SITE_PARAMETERS, "site")[0],
            _table(self.cdus, lay.CDU_PARAMETERS, "cdu"),
            _table(self.pumps, lay.PUMP_PARAMETERS, "pump"),
            _table(self.banks, lay.BANK_PARAMETERS, "bank"),
            _table(self.chillers, lay.CHILLER_PARAMETERS, "chiller"),
        )


@dataclass
class FwsPlant:
    """One facility loop with its state; `integrator` is "fast" (compiled Runge-Kutta) or "reference" (solve_ivp)."""

    parameters: FwsParameters
    integrator: str = "fast"
    y: Floats = field(init=False)
    d: Floats = field(init=False)
    u: Floats = field(init=False)
    out: Floats = field(init=False)

    def __post_init__(self) -> None:
        if self.integrator not in ("fast", "reference"):
            raise ValueError(f"integrator {self.integrator!r}, wanted 'fast' or 'reference'")
        s = self.parameters.sizes
        self.sizes = s
        self.blocks = s.state_blocks()
        self.n = np.array([s.cdus, s.pumps, s.banks, s.chillers, s.cells], dtype=np.int64)
        self.site, self.cdu, self.pump, self.bank, self.chiller = self.parameters.arrays()
        self.y, self.d = np.zeros(s.states), np.zeros(s.logic)
        self.u = np.zeros(2 * s.cdus + 4 * (s.pumps + s.banks + s.chillers) + len(lay.SITE_INPUTS))
        self.u_cdu, self.u_pump, self.u_bank, self.u_chiller, self.u_site = split_inputs(self.u, self.n)
        self.branch, self.through = np.zeros(s.cdus), np.zeros(s.pumps)
        self.out = np.zeros(len(lay.SITE_OUTPUTS))
        self._work, self._air = np.zeros((5, s.states)), np.zeros(len(AIR_STATE))
        self._row = 2 * s.cdus + len(lay.SITE_OUTPUTS) + 2 * (s.pumps + s.banks + s.chillers) + 2 + 9 + 2
        self._capacity_j_k = self._capacities()
        self.rest(self.site[lay.G_TSET])

    def _capacities(self) -> Floats:
        c = np.zeros(self.sizes.first_energy)
        b = self.blocks
        c[b["supply_pipe_c"]], c[b["return_pipe_c"]] = self.site[lay.G_CS], self.site[lay.G_CR]
        c[b["cdu_return_c"]], c[b["bank_c"]] = self.cdu[:, lay.C_CAP], self.bank[:, lay.B_CAP]
        c[b["evaporator_c"]] = self.site[lay.G_CE]
        return c

    def rest(self, temperature_c: float) -> None:
        """Normal inputs, duty pumps turning at their set speed, fluid at one temperature, chillers off but ready."""
        self.u_cdu[:] = (0.5, 0.0)
        self.u_pump[:] = (1.0, 0.0, 0.0, 1.0)
        self.u_bank[:] = (1.0, 1.0, 1.0, 0.0)
        self.u_chiller[:] = (1.0, 0.0, 0.0, 1.0)
        self.u_site[:] = (20.0, 15.0, 101325.0, 1.0, 0.0, 0.0, -1.0)
        self.y[:], self.d[:] = 0.0, 0.0
        for name in ("supply_pipe_c", "cdu_return_c", "return_pipe_c", "bank_c", "evaporator_c"):
            self.y[self.blocks[name]] = temperature_c
        d_pump, d_chiller, d_bank, d_site = split_logic(self.d, self.n)
        duty = int(self.site[lay.G_DUTY])
        d_pump[:duty, lay.L_ON] = 1.0
        d_pump[:, lay.L_READY], d_chiller[:, lay.L_READY], d_bank[:, lay.LB_READY] = 1e9, 1e9, 1e9
        d_site[lay.S_READY] = 1e9
        d_site[lay.S_DI] = d_site[lay.S_SPEED] = 0.85
        self.y[self.blocks["pump_speed_fraction"]][:duty] = 0.85
        self.look()

    def look(self) -> None:
        """Refresh flows and sensor values from the present state and inputs."""
        observe(
            self.y, self.n, self.site, self.cdu, self.pump, self.u_cdu, self.u_pump, self.branch, self.through, self.out
        )

    def advance(self, t_us: int, t_end_us: int) -> None:
        """Step to t_end with the present inputs; afterwards `energy` holds the joules of this step."""
        if self.integrator == "fast":
            advance(
                t_us,
                t_end_us,
                self.y,
                self.d,
                self.u,
                self.n,
                self.site,
                self.cdu,
                self.pump,
                self.bank,
                self.chiller,
                self._work,
                self._air,
                self.branch,
                self.through,
                self.out,
            )
        else:
            self._advance_reference(t_us, t_end_us)

    def derivative(self, y: Floats) -> Floats:
        """dy/dt at the present inputs and controller outputs (for scipy.integrate.solve_ivp)."""
        logic = split_logic(self.d, self.n)
        dy = np.empty_like(y)
        outdoor_air(self.u_site, self.site, self._air)
        rhs(
            np.ascontiguousarray(y),
            dy,
            self.n,
            self.site,
            self.cdu,
            self.pump,
            self.bank,
            self.chiller,
            *logic,
            self.u_cdu,
            self.u_pump,
            self.u_bank,
            self.u_chiller,
            self.u_site,
            self._air,
            self.branch,
            self.through,
        )
        return dy

    def control(self, t_us: int) -> None:
        """Interlocks and, at its scan, the controller: what `advance` does at each segment's start."""
        control_at(
            t_us,
            self.y,
            self.d,
            self.u,
            self.n,
            self.site,
            self.cdu,
            self.pump,
            self.chiller,
            self.branch,
            self.through,
            self.out,
        )

    def drop_out(self, t_us: int) -> None:
        """Interlocks alone, at the present inputs."""
        d_pump, d_chiller, d_bank, d_site = split_logic(self.d, self.n)
        interlock(
            t_us,
            self.out[lay.O_FLOW],
            self.site,
            d_pump,
            d_chiller,
            d_bank,
            d_site,
            self.u_pump,
            self.u_chiller,
            self.u_bank,
            self.u_site,
        )

    def report(self, seconds: float) -> Floats:
        """A fresh row of results of the last step (order as fws_step.report says)."""
        flat = np.empty(self._row)
        report(seconds, self.y, self.d, self.n, self.out, self.branch, flat)
        return flat

    def _advance_reference(self, t_us: int, t_end_us: int) -> None:
        from scipy.integrate import solve_ivp

        scan_us = round(self.site[lay.G_SCAN] * 1e6)
        self.y[self.sizes.first_energy :] = 0.0
        t = t_us
        while t < t_end_us:
            self.control(t)
            until = min(t_end_us, (t // scan_us + 1) * scan_us)
            found = solve_ivp(
                lambda _, y: self.derivative(y),
                (0.0, (until - t) * 1e-6),
                self.y,
                method="DOP853",
                rtol=1e-9,
                atol=1e-7,
            )
            if not found.success:
                raise ArithmeticError(f"facility loop: {found.message} at t = {t * 1e-6:.6f} s")
            self.y[:] = found.y[:, -1]
            after_segment((until - t) * 1e-6, self.y, self.d, self.n)
            t = until
        self.look()

    def worst_state(self) -> str:
        """Name of the first block of states that is not finite."""
        return next((name for name, part in self.blocks.items() if not np.isfinite(self.y[part]).all()), "")

    def block(self, name: str) -> Floats:
        """View of a named block of states."""
        return self.y[self.blocks[name]]

    def term(self, index: int) -> float:
        """One energy term [J] (water [L]) of the last step; index from fws_layout (E_DRY, ...)."""
        return float(self.y[self.blocks["terms"].start + index])

    def stored_j(self) -> float:
        """Heat in fluid and coils above 20 degC [J]."""
        return float(self._capacity_j_k @ (self.y[: self.sizes.first_energy] - REFERENCE_C))


def plant_tables(parameters: FwsParameters) -> dict[str, dict[str, list[list[float]] | tuple[str, ...] | list[float]]]:
    """Columns, rows and input start values by kind: what another implementation of the same plant starts from."""
    site, cdu, pump, bank, chiller = parameters.arrays()
    resting = FwsPlant(parameters)
    rows = {
        "site": [site.tolist()],
        "cdu": cdu.tolist(),
        "pump": pump.tolist(),
        "bank": bank.tolist(),
        "chiller": chiller.tolist(),
    }
    columns = {
        "site": lay.SITE_PARAMETERS,
        "cdu": lay.CDU_PARAMETERS,
        "pump": lay.PUMP_PARAMETERS,
        "bank": lay.BANK_PARAMETERS,
        "chiller": lay.CHILLER_PARAMETERS,
    }
    inputs = {
        "cdu": lay.CDU_INPUTS,
        "pump": lay.PUMP_INPUTS,
        "bank": lay.BANK_INPUTS,
        "chiller": lay.CHILLER_INPUTS,
        "site": lay.SITE_INPUTS,
    }
    start = {
        "cdu": resting.u_cdu[0].tolist(),
        "pump": resting.u_pump[0].tolist(),
        "bank": resting.u_bank[0].tolist(),
        "chiller": [1.0, 0.0, 0.0, 1.0],
        "site": resting.u_site.tolist(),
    }
    return {"parameters": columns, "inputs": inputs, "rows": rows, "start": start}  # type: ignore[dict-item]
