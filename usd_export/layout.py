"""Where everything stands: a pure function from the facility's elements to places, pipes, busways and cameras.

Rows run along x and face each other in pairs across a cold aisle; CDUs end the rows; air handlers stand along
the wall; the electrical room is west of the hall, pumps and the outdoor yard are east of it. Lengths in m, z up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from usd_export.circuits import circuits
from usd_export.inventory import Inventory
from usd_export.mesh import Vec
from usd_export.places import (
    COLD_AISLE_M,
    HOT_AISLE_M,
    RACK_DEPTH_M,
    RACK_PITCH_M,
    ROW_LENGTH_RACKS,
    SIZES,
    YARD_POWER,
    Camera,
    SceneLayout,
    Slab,
    Unit,
)


@dataclass
class _Row:
    name: str
    y: float
    face: float  # +1: front towards +y
    racks: list[str] = field(default_factory=list)
    x_end: float = 0.0


def rows_of(racks: Sequence[str]) -> dict[str, list[str]]:
    """Racks by row: the R-number in the id, else groups of sixteen.

    Examples
    --------
    >>> rows_of(["H1_R01_RK01", "H1_R02_RK01", "H1_R01_RK02"])
    {'R01': ['H1_R01_RK01', 'H1_R01_RK02'], 'R02': ['H1_R02_RK01']}
    """
    rows: dict[str, list[str]] = {}
    for i, rack in enumerate(racks):
        found = re.search(r"(?:^|_)(R\d+)(?=_)", rack)
        rows.setdefault(found.group(1) if found else f"R{i // ROW_LENGTH_RACKS + 1:02d}", []).append(rack)
    return rows


def build_layout(inventory: Inventory) -> SceneLayout:
    """Places for everything an inventory holds."""
    axes = inventory.axes
    units: list[Unit] = []
    seen: set[str] = set()

    def size(axis: str, element: str) -> Vec:
        return inventory.sizes.get(element, SIZES.get(axis, SIZES["panel"]))

    def add(unit: Unit) -> None:
        if unit.id not in seen:
            seen.add(unit.id)
            units.append(unit)

    # rows of racks
    rows: list[_Row] = []
    y = 0.0
    for k, (name, racks) in enumerate(rows_of(axes.get("rack", ())).items()):
        if k:
            y += RACK_DEPTH_M + (COLD_AISLE_M if k % 2 else HOT_AISLE_M)
        row = _Row(name, y, 1.0 if k % 2 == 0 else -1.0, racks, RACK_PITCH_M * len(racks))
        rows.append(row)
        for i, rack in enumerate(racks):
            at = (RACK_PITCH_M * (i + 0.5), y, 0.0)
            yaw = 180.0 if row.face > 0 else 0.0
            add(
                Unit(rack, "rack", "rack", f"hall_GPUs_{inventory.short_type(rack)}", at, yaw, size("rack", rack), name)
            )
    if not rows:
        rows.append(_Row("R01", 0.0, 1.0))
    rack_x = {u.id: u.position[0] for u in units}

    # CDUs end the rows; their pumps stand in front of them
    for i, cdu in enumerate(axes.get("cdu", ())):
        row = rows[i % len(rows)]
        w, d, h = size("cdu", cdu)
        x = row.x_end + 0.3 + w / 2
        row.x_end += 0.3 + w
        yaw = 180.0 if row.face > 0 else 0.0
        add(Unit(cdu, "cdu", "cdu", "hall_mech_cooling_CDU", (x, row.y, 0.0), yaw, (w, d, h)))
        pumps = [p for p in axes.get("cdu_pump", ()) if p.startswith(f"{cdu}_")]
        for k, pump in enumerate(pumps):
            at = (x + 0.3 * (k - (len(pumps) - 1) / 2), row.y + row.face * (d / 2 + 0.3), 0.0)
            add(Unit(pump, "cdu_pump", "pump", "hall_mech_cooling_Pumps", at, yaw, size("cdu_pump", pump)))

    # network cabinets west of the rows, twenty switches each
    switches = list(axes.get("switch", ()))
    for c in range(0, len(switches), 20):
        row = rows[(c // 20) % len(rows)]
        x = -0.9 - 0.6 * (c // 20 // len(rows))
        yaw = 180.0 if row.face > 0 else 0.0
        cabinet = f"Network_Cabinet_{c // 20 + 1:02d}"
        add(Unit(cabinet, "cabinet", "cabinet", "Network", (x, row.y, 0.0), yaw, SIZES["cabinet"]))
        for k, switch in enumerate(switches[c : c + 20]):
            at = (x, row.y + row.face * 0.25, 0.2 + 0.1 * k)
            add(Unit(switch, "switch", "switch", "Network", at, yaw, size("switch", switch)))

    # the hall around all that, air handlers along its south wall
    hall = next(iter(axes.get("room", ())), "")
    here = [a for a in axes.get("ahu", ()) if inventory.rooms.get(a, hall) == hall]
    elsewhere = [a for a in axes.get("ahu", ()) if a not in here]
    x_min = min((u.position[0] for u in units), default=0.0) - 3.0
    x_max = max(max(r.x_end for r in rows) + 2.5, x_min + 3.2 * len(here) + 1.0)
    y_min, y_max = rows[0].y - 4.2, rows[-1].y + 3.0
    step = (x_max - x_min) / max(len(here), 1)
    for k, ahu in enumerate(here):
        at = (x_min + step * (k + 0.5), y_min + 0.8, 0.0)
        add(Unit(ahu, "ahu", "ahu", "hall_mech_cooling_AHU", at, 180.0, size("ahu", ahu)))

    # electrical room west, electrical yard behind it
    nodes = dict.fromkeys(n for axis in ("power_node", "ups") for n in axes.get(axis, ()) if n not in seen)
    standing = [(n, inventory.node_class(n)) for n in nodes if inventory.node_class(n) not in ("busway", "whip")]
    yard = [(n, cls) for n, cls in standing if cls in YARD_POWER or (inventory.rooms and n not in inventory.rooms)]
    indoor = [*((n, cls) for n, cls in standing if (n, cls) not in yard), *((a, "ahu") for a in elsewhere)]
    per_column = max(int((y_max - y_min - 0.8) // 2.5), 1)
    er_columns = max(-(-len(indoor) // per_column), 1)
    er_min = x_min - 1.0 - 2.4 * er_columns
    for k, (node, cls) in enumerate(indoor):
        col, place = divmod(k, per_column)
        at = (x_min - 1.6 - 2.4 * col, y_min + 1.6 + 2.5 * place, 0.0)
        axis, group = ("ahu", "hall_mech_cooling_AHU") if cls == "ahu" else ("power_node", "hall_remotepowerpanels")
        add(Unit(node, axis, cls, group, at, 90.0, size(cls, node)))
    place_y = y_min
    for node, cls in yard:
        w, d, h = size(cls, node)
        at = (er_min - 3.0 - w / 2, place_y + d / 2, 0.0)
        place_y += d + 1.0
        add(Unit(node, "power_node", cls, "Site_Power", at, 90.0 if w <= d else 0.0, (w, d, h)))

    # pump room and heat rejection east
    plant_y = y_min + 1.2
    for axis in ("fws_pump", "fws_controller"):
        for pump in axes.get(axis, ()):
            add(Unit(pump, axis, axis, "Plant_Pumps", (x_max + 2.2, plant_y, 0.0), 90.0, size(axis, pump)))
            plant_y += 1.8
    columns = max(1, round(len(axes.get("dry_cooler", ())) ** 0.5 / 2))
    rejection = [("dry_cooler", i) for i in axes.get("dry_cooler", ())] + [
        ("chiller", i) for i in axes.get("chiller", ())
    ]
    for k, (axis, element) in enumerate(rejection):
        at = (x_max + 10.0 + 7.5 * (k % columns), y_min + 1.5 + 3.6 * (k // columns), 0.0)
        add(Unit(element, axis, axis, "CoolingTowers", at, 0.0, size(axis, element)))

    bounds = (x_min, x_max, y_min, y_max, er_min)
    lines = circuits(inventory, units, [(r.name, r.y, r.face, tuple(r.racks), r.x_end) for r in rows], rack_x, bounds)
    yard_n = y_min + 3.6 * -(-len(rejection) // columns)
    top = max(y_max, yard_n, place_y)
    slabs = _slabs(inventory, bounds, (x_max + 7.5 * columns + 8.0, top))
    return SceneLayout(tuple(units), lines, slabs, _cameras(rows, bounds, top, x_max + 7.5 * columns + 8.0))


def _slabs(inventory: Inventory, bounds: tuple[float, ...], far: tuple[float, float]) -> tuple[Slab, ...]:
    """Ground, floors of the rooms and low walls."""
    x0, x1, y0, y1, er0 = bounds
    rooms = list(inventory.axes.get("room", ()))
    hall = rooms[0] if rooms else "Hall"
    er = rooms[1] if len(rooms) > 1 else "ElectricalRoom"
    out = [
        Slab(
            "Ground",
            (far[0] - er0 + 24.0, far[1] - y0 + 10.0, 0.1),
            ((far[0] + er0 - 8.0) / 2, (far[1] + y0) / 2, -0.3),
        ),
        Slab(f"{hall}_Floor", (x1 - x0, y1 - y0, 0.1), ((x0 + x1) / 2, (y0 + y1) / 2, -0.1), hall),
        Slab(f"{er}_Floor", (x0 - er0 - 0.2, y1 - y0, 0.1), ((x0 + er0) / 2 - 0.1, (y0 + y1) / 2, -0.1), er),
        Slab("PumpRoom_Floor", (4.2, y1 - y0, 0.1), (x1 + 2.2, (y0 + y1) / 2, -0.1)),
    ]
    for name, x in (("Wall_West", er0), ("Wall_Between", x0), ("Wall_East", x1)):
        out.append(Slab(name, (0.12, y1 - y0, 0.9), (x, (y0 + y1) / 2, 0.0)))
    for name, y in (("Wall_South", y0), ("Wall_North", y1)):
        out.append(Slab(name, (x1 - er0, 0.12, 0.9), ((er0 + x1) / 2, y, 0.0)))
    return tuple(out)


def _cameras(rows: Sequence[_Row], bounds: tuple[float, ...], top: float, east: float) -> tuple[Camera, ...]:
    """The viewpoints a viewer asks for by name."""
    x0, x1, y0, y1, er0 = bounds
    mid: Vec = ((x0 + x1) / 2, (y0 + y1) / 2, 1.2)
    span = max(x1 - x0, y1 - y0)
    site: Vec = ((er0 + east) / 2, (y0 + top) / 2, 0.0)
    reach = max(east - er0, top - y0)
    aisle_y = rows[0].y + (RACK_DEPTH_M + COLD_AISLE_M) / 2
    row_mid = RACK_PITCH_M * len(rows[0].racks) / 2
    cdu: Vec = (rows[0].x_end - 0.5, rows[0].y, 1.2)
    return (
        Camera("camera_int_datahall_01", (mid[0] + 0.75 * span, mid[1] + 0.75 * span, 0.75 * span), mid),
        Camera("camera_int_datahall_02", (mid[0] - 0.5 * span, mid[1] - 0.8 * span, 0.85 * span), mid),
        Camera("camera_int_datahall_03", (x0 + 0.6, aisle_y, 1.7), (row_mid, aisle_y, 1.3)),
        Camera("camera_int_datahall_04", (mid[0], mid[1] - 0.01, 1.8 * span), mid),
        Camera("camera_ext_default_01", (site[0] + 0.55 * reach, site[1] - 0.85 * reach, 0.55 * reach), site),
        Camera("camera_ext_default_02", (site[0] - 0.55 * reach, site[1] - 0.85 * reach, 0.55 * reach), site),
        Camera("camera_ext_default_03", (site[0] + 0.55 * reach, site[1] + 0.85 * reach, 0.55 * reach), site),
        Camera("camera_ext_default_04", (site[0], site[1] - 0.01, 1.5 * reach), site),
        Camera("cfd_camera", (mid[0], mid[1] - 1.1 * span, 3.5), mid),
        Camera("cdu_camera", (cdu[0] + 2.5, cdu[1] + 5.0, 2.2), cdu),
        Camera("networking_camera", (x0 + 0.4, rows[0].y + 3.4, 2.2), (-0.9, rows[0].y, 1.2)),
        Camera("rpp_cameras", (x0 - 0.2, y1 + 6.0, 5.0), ((er0 + x0) / 2, mid[1], 1.0)),
    )
