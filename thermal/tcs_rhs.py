"""Time derivative of the whole technology side: chip -> cold plate -> rack -> loop -> CDU -> facility water.

One function serves every integrator. States lie in the order of :func:`thermal.tcs_layout.tcs_layout`, parameters
and held inputs in tables whose rows are named there. Controllers are sampled and stay outside.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from thermal.cdu import exchanged_w, film_ua_w_k
from thermal.cold_plate import mean_fluid_weight, plate_mean_resistance_k_w
from thermal.hydraulics import branch_flow_kg_s, manifold_dp_pa, pump_flow_kg_s, speed_rate_per_s
from thermal.tcs_layout import REFERENCE_C, CduRow, HeldCdu, HeldLoop, HeldPump, HeldRack, LoopRow, PumpRow, RackRow

MIN_FILM_FLOW = 0.02  # of nominal: conduction floor of the CPU and switch plates in still coolant
LEAK_FADE_KG = 1.0  # a leak dies away over the last kilogram in the vessel

(_C_CHIP, _C_PLATE, _C_CPU, _C_SWITCH, _C_TRAY, _C_RETURN, _C_SUPPLY, _C_AIR, _G_CHIP, _PLATES, _SHARE, _R_INF, _R_UNIT,
 _R_EXP, _G_CPU, _G_SWITCH, _M_NOM, _G_ROOM, _G_TRAY, _A, _B) = (int(r) for r in RackRow)  # fmt: skip
_CP, _RHO, _C_LS, _C_LR, _LOW_KG, _NATURAL = (int(r) for r in LoopRow)
_UA, _FILM, _MP0, _MS0, _C_SEC, _C_PRI, _CP_PRI, _COM_A, _COM_B, _V_LAG, _V_STROKE = (int(r) for r in CduRow)
_HEAD, _K, _SHAFT, _MR, _P0, _COAST, _RAMP, _LAG, _EFF = (int(r) for r in PumpRow)
_GPU, _CPU, _SWITCH, _AIR, _ROOM, _OPEN, _PLATE_F, _LEAK = (int(r) for r in HeldRack)
_HEAD_F, _VISC = (int(r) for r in HeldLoop)
_CMD, _FOUL, _STRAIN, _TPI, _TPI_S, _MP, _MP_S = (int(r) for r in HeldCdu)
_DRIVEN, _TARGET, _STUCK = (int(r) for r in HeldPump)


@njit(cache=True)
def flows(y, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h, cdu_h, pump_h,
          rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s):  # fmt: skip
    """Flows that belong to the present pump speeds, valves and vessel levels (fills the last four arrays).

    Notes
    -----
    Each served loop: racks dp = (a m + b m^2) / opening^2 in parallel, common path of the CDU, its pumps in parallel
    behind check valves, head = H0 n^2. A natural-circulation flow is added in quadrature and shared alike.
    Viscosity: laminar part in proportion, turbulent part with the fourth root (Blasius).
    """
    racks, loops, pumps = rack_p.shape[1], loop_p.shape[1], pump_p.shape[1]
    vessel_at = 8 * racks + 2 * loops
    speed_at = 8 * racks + 4 * loops + 3 * cdu_p.shape[1]
    rack_kg_s[:] = 0.0
    loop_kg_s[:] = 0.0
    loop_dp_pa[:] = 0.0
    pump_kg_s[:] = 0.0
    a, b, which = np.empty(racks), np.empty(racks), np.empty(racks, np.int64)
    head, curve, stuck = np.empty(pumps), np.empty(pumps), np.empty(pumps)
    for l in range(loops):  # noqa: E741
        k = loop_cdu[l]
        if k < 0:
            continue
        n = 0
        thin, blasius = loop_h[_VISC, l], loop_h[_VISC, l] ** 0.25
        for i in range(racks):
            if rack_loop[i] == l and rack_h[_OPEN, i] > 0.0:
                wide = 1.0 / (rack_h[_OPEN, i] * rack_h[_OPEN, i])
                a[n] = rack_p[_A, i] * wide * thin * rack_h[_PLATE_F, i]
                b[n] = rack_p[_B, i] * wide * blasius * rack_h[_PLATE_F, i]
                which[n] = i
                n += 1
        if n == 0:
            continue
        gas = min(1.0, max(0.0, y[vessel_at + l] / loop_p[_LOW_KG, l])) * loop_h[_HEAD_F, l]
        q = 0
        for j in range(pumps):
            if pump_cdu[j] == k:
                s = y[speed_at + j]
                head[q] = pump_p[_HEAD, j] * s * s * gas
                curve[q] = pump_p[_K, j]
                stuck[q] = pump_h[_STUCK, j]
                q += 1
        com_a = cdu_p[_COM_A, k] * thin
        com_b = cdu_p[_COM_B, k] * blasius * cdu_h[_STRAIN, k]
        p = manifold_dp_pa(a[:n], b[:n], com_a, com_b, head[:q], curve[:q], stuck[:q])
        loop_dp_pa[l] = p
        total, share = 0.0, 0.0
        for r in range(n):
            total += branch_flow_kg_s(p, a[r], b[r])
            share += branch_flow_kg_s(max(p, 1.0), a[r], b[r])
        across = p + com_a * total + com_b * total * total
        q = 0
        for j in range(pumps):
            if pump_cdu[j] == k:
                pump_kg_s[j] = pump_flow_kg_s(across, head[q], curve[q], stuck[q] > 0.0)
                q += 1
        moved = np.sqrt(total * total + loop_p[_NATURAL, l] * loop_p[_NATURAL, l])
        for r in range(n):
            rack_kg_s[which[r]] = moved * branch_flow_kg_s(max(p, 1.0), a[r], b[r]) / share
        loop_kg_s[l] = moved


@njit(cache=True)
def films(rack_loop, rack_p, loop_p, rack_h, loop_h, rack_kg_s, film):  # fmt: skip
    """Conductances that follow from the flows (fills film): GPU plates to mean fluid, weight of the inlet, CPU, switch.

    Notes
    -----
    GPU plates: N / R_m(V); a blocked plate and a thicker film (viscosity to the 0.3) raise R. CPU and switch plates:
    nominal conductance times (m / m_nominal)^0.6, with a conduction floor.
    """
    for i in range(rack_p.shape[1]):
        l = rack_loop[i]  # noqa: E741
        m, foul = rack_kg_s[i], rack_h[_PLATE_F, i]
        thin = max(m / rack_p[_M_NOM, i], MIN_FILM_FLOW) ** 0.6
        per_plate = m * rack_p[_SHARE, i] / rack_p[_PLATES, i] / loop_p[_RHO, l] * 60_000.0
        r_m = plate_mean_resistance_k_w(per_plate, rack_p[_R_INF, i] * foul,
                                        rack_p[_R_UNIT, i] * foul * loop_h[_VISC, l] ** 0.3,
                                        rack_p[_R_EXP, i], loop_p[_RHO, l] * loop_p[_CP, l])  # fmt: skip
        film[0, i] = rack_p[_PLATES, i] / r_m
        film[1, i] = mean_fluid_weight(per_plate)
        film[2, i] = rack_p[_G_CPU, i] * thin
        film[3, i] = rack_p[_G_SWITCH, i] * thin


@njit(cache=True)
def rhs(t_s, y, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h, cdu_h, pump_h,
        rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s, film, flows_move, dy):  # fmt: skip
    """Time derivative of every state and meter (fills the last six arrays); t_s counts from the start of the step.

    flows_move: whether flows are to be found anew; False trusts those that are there (pumps and vessels at rest).
    """
    racks, loops, cdus, pumps = rack_p.shape[1], loop_p.shape[1], cdu_p.shape[1], pump_p.shape[1]
    if flows_move:
        flows(y, rack_loop, pump_cdu, rack_p, loop_p, cdu_p, pump_p, loop_cdu, rack_h, loop_h, cdu_h, pump_h,
              rack_kg_s, loop_kg_s, loop_dp_pa, pump_kg_s)  # fmt: skip
        films(rack_loop, rack_p, loop_p, rack_h, loop_h, rack_kg_s, film)
    chip, plate, cpu, switch = y[:racks], y[racks:2 * racks], y[2 * racks:3 * racks], y[3 * racks:4 * racks]
    tray, back, feed, air = (y[4 * racks:5 * racks], y[5 * racks:6 * racks], y[6 * racks:7 * racks],
                             y[7 * racks:8 * racks])  # fmt: skip
    o = 8 * racks
    supply, ret, vessel = y[o:o + loops], y[o + loops:o + 2 * loops], y[o + 2 * loops:o + 3 * loops]
    c = o + 4 * loops
    secondary, primary, valve = y[c:c + cdus], y[c + cdus:c + 2 * cdus], y[c + 2 * cdus:c + 3 * cdus]
    s = c + 3 * cdus
    speed = y[s:s + pumps]
    meter = s + 2 * pumps

    for l in range(loops):  # noqa: E741
        k = loop_cdu[l]
        moved = loop_kg_s[l] * loop_p[_CP, l]
        dy[o + l] = moved * (secondary[k] - supply[l]) / loop_p[_C_LS, l] if k >= 0 else 0.0
        dy[o + loops + l] = 0.0
        dy[o + 2 * loops + l] = 0.0
        dy[o + 3 * loops + l] = 0.0

    for i in range(racks):
        l = rack_loop[i]  # noqa: E741
        cp, m = loop_p[_CP, l], rack_kg_s[i]
        mc = m * cp
        leak = min(rack_h[_LEAK, i], m) * min(1.0, max(0.0, vessel[l] / LEAK_FADE_KG))
        mean_c = tray[i] - film[1, i] * (tray[i] - feed[i])
        to_plate = rack_p[_G_CHIP, i] * (chip[i] - plate[i])
        from_plate = film[0, i] * (plate[i] - mean_c)
        from_cpu = film[2, i] * (cpu[i] - tray[i])
        from_switch = film[3, i] * (switch[i] - tray[i])
        from_air = rack_p[_G_TRAY, i] * (air[i] - tray[i])
        to_room = rack_p[_G_ROOM, i] * (air[i] - rack_h[_ROOM, i])
        dy[i] = (rack_h[_GPU, i] - to_plate) / rack_p[_C_CHIP, i]
        dy[racks + i] = (to_plate - from_plate) / rack_p[_C_PLATE, i]
        dy[2 * racks + i] = (rack_h[_CPU, i] - from_cpu) / rack_p[_C_CPU, i]
        dy[3 * racks + i] = (rack_h[_SWITCH, i] - from_switch) / rack_p[_C_SWITCH, i]
        into_tray = from_plate + from_cpu + from_switch + from_air
        dy[4 * racks + i] = (mc * (feed[i] - tray[i]) + into_tray) / rack_p[_C_TRAY, i]
        dy[5 * racks + i] = (m - leak) * cp * (tray[i] - back[i]) / rack_p[_C_RETURN, i]
        dy[6 * racks + i] = mc * (supply[l] - feed[i]) / rack_p[_C_SUPPLY, i]
        dy[7 * racks + i] = (rack_h[_AIR, i] - to_room - from_air) / rack_p[_C_AIR, i]
        dy[o + loops + l] += cp * ((m - leak) * (back[i] - ret[l]) + leak * (REFERENCE_C - ret[l])) / loop_p[_C_LR, l]
        dy[o + 2 * loops + l] -= leak
        dy[o + 3 * loops + l] += cp * leak * (rack_h[_ROOM, i] - REFERENCE_C)
        dy[meter + cdus + pumps + i] = to_room + cp * leak * (tray[i] - rack_h[_ROOM, i])

    for k in range(cdus):
        dy[c + k] = 0.0
        fws_c = cdu_h[_TPI, k] + cdu_h[_TPI_S, k] * t_s
        c_primary = max(0.0, cdu_h[_MP, k] + cdu_h[_MP_S, k] * t_s) * cdu_p[_CP_PRI, k]
        to_fws = c_primary * (primary[k] - fws_c)
        dy[c + cdus + k] = -to_fws / cdu_p[_C_PRI, k]
        dy[meter + k] = to_fws
        wish = (cdu_h[_CMD, k] - valve[k]) / cdu_p[_V_LAG, k]
        dy[c + 2 * cdus + k] = min(max(wish, -1.0 / cdu_p[_V_STROKE, k]), 1.0 / cdu_p[_V_STROKE, k])

    for l in range(loops):  # noqa: E741
        k = loop_cdu[l]
        if k < 0:
            continue
        c_loop = loop_kg_s[l] * loop_p[_CP, l]
        fws_c = cdu_h[_TPI, k] + cdu_h[_TPI_S, k] * t_s
        primary_kg_s = max(0.0, cdu_h[_MP, k] + cdu_h[_MP_S, k] * t_s)
        ua = film_ua_w_k(cdu_p[_UA, k], primary_kg_s / cdu_p[_MP0, k], loop_kg_s[l] / cdu_p[_MS0, k],
                         cdu_p[_FILM, k], cdu_h[_FOUL, k])  # fmt: skip
        moved_w = exchanged_w(ua, c_loop, primary_kg_s * cdu_p[_CP_PRI, k], ret[l], fws_c)
        dy[c + k] += (c_loop * (ret[l] - secondary[k]) - moved_w) / cdu_p[_C_SEC, k]
        dy[c + cdus + k] += moved_w / cdu_p[_C_PRI, k]

    for j in range(pumps):
        k = pump_cdu[j]
        n = speed[j]
        torque = pump_p[_P0, j]
        if n > 1e-9:
            torque += (1.0 - pump_p[_P0, j]) * min(abs(pump_kg_s[j]) / (n * pump_p[_MR, j]), 1.5)
        shaft_w = pump_p[_SHAFT, j] * torque * n * n * n
        coast = speed_rate_per_s(n, torque, pump_p[_COAST, j])
        rate = coast
        if pump_h[_DRIVEN, j] > 0.0:
            rate = min(max((pump_h[_TARGET, j] - n) / pump_p[_LAG, j], coast), 1.0 / pump_p[_RAMP, j])
        rotor_w = pump_p[_COAST, j] * pump_p[_SHAFT, j] * n * rate
        dy[s + j] = rate
        dy[s + pumps + j] = rotor_w
        dy[meter + cdus + j] = (shaft_w + rotor_w) / pump_p[_EFF, j] if pump_h[_DRIVEN, j] > 0.0 else 0.0
        dy[c + k] += shaft_w / cdu_p[_C_SEC, k]
