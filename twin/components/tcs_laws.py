"""The CDU controllers' sampled laws and what calls their supervisors, compiled (they run every second of a run)."""

from __future__ import annotations

from math import sqrt

from numba import njit


@njit(cache=True)
def valve_law(command_integral, error_k, gain_per_k, integral_s, scan_s):
    """PI law of a control valve with anti-windup.

    Parameters
    ----------
    command_integral : integral part so far [1]
    error_k : measured supply minus set-point [K]; the valve opens when the supply is too warm
    gain_per_k : proportional gain [1/K]
    integral_s : integral time [s]
    scan_s : time between samples [s]

    Returns
    -------
    command [1] between 0 and 1, new integral part [1]

    Notes
    -----
    The integral rests while the command is saturated and the error would drive it further.

    Examples
    --------
    >>> valve_law(0.5, 1.0, 0.1, 10.0, 1.0)
    (0.61, 0.51)
    """
    integral = command_integral + gain_per_k / integral_s * error_k * scan_s
    wish = gain_per_k * error_k + integral
    command = min(max(wish, 0.0), 1.0)
    if command != wish and (wish - command) * error_k > 0.0:
        integral = command_integral
    return command, integral


@njit(cache=True)
def speed_law(speed_fraction, over_set, gain, minimum_fraction):
    """Incremental law of a pump's speed towards its set flow (or pressure).

    Parameters
    ----------
    speed_fraction : speed asked so far [1]
    over_set : flow over its set value, or the root of the pressure ratio [1]
    gain : share of the error taken out per sample [1]
    minimum_fraction : lowest speed of the drive [1]

    Returns
    -------
    speed to ask [1], at most 1

    Examples
    --------
    >>> speed_law(0.8, 1.1, 0.5, 0.3)
    0.75
    """
    return min(max(speed_fraction + gain * (1.0 - over_set), minimum_fraction), 1.0)


@njit(cache=True)
def sample(failed, alive, serving, active, secondary_c, bias_k, set_point_c, pump_cdu, running, speed_factor, speed,
           loop_dp_pa, dp_set_pa, loop_kg_s, flow_set_kg_s, minimum, design, gain_per_k, integral_s, standby, opens,
           by_pressure, pump_gain, valve_command, valve_integral, speed_wish):  # fmt: skip
    """One sample of every CDU controller (fills the last three arrays).

    A failed CDU shuts its valve. One without a living controller opens it or leaves it, and keeps its pump speed.
    One that serves nothing waits at its standby opening. One about to serve goes to the valve position it inherits.
    """
    for k in range(failed.size):
        if failed[k] > 0.0:
            valve_command[k] = 0.0
            continue
        if alive[k] == 0:
            if opens:
                valve_command[k] = 1.0
            continue
        n = serving[k]
        if n < 0:
            valve_command[k] = standby
            valve_integral[k] = standby
            speed_wish[k] = design[k]
            continue
        if active[k] == 0:
            valve_command[k] = valve_integral[k]
            continue
        error = secondary_c[k] + bias_k[k] - set_point_c[k]
        valve_command[k], valve_integral[k] = valve_law(valve_integral[k], error, gain_per_k, integral_s, 1.0)
        settled = flow_set_kg_s[n] > 0.0
        any_running = False
        for j in range(pump_cdu.size):
            if pump_cdu[j] == k and running[j] > 0:
                any_running = True
                if abs(speed_wish[k] * speed_factor[j] - speed[j]) > 0.02:
                    settled = False
        if any_running and settled:
            over = sqrt(loop_dp_pa[n] / dp_set_pa[n]) if by_pressure else loop_kg_s[n] / flow_set_kg_s[n]
            speed_wish[k] = speed_law(speed_wish[k], over, pump_gain, minimum[k])


@njit(cache=True)
def attention(on_scan, on_second, loop_kg_s, low_kg_s, clear, low, supply_c, high_c, high, dew_point_c, condensing):
    """Whether a supervisor would say something about flow (on its scan) or supply temperature (each second)."""
    for n in range(loop_kg_s.size):
        if on_scan and low_kg_s[n] > 0.0:
            if low[n] == 0 and loop_kg_s[n] < low_kg_s[n]:
                return True
            if low[n] != 0 and loop_kg_s[n] > low_kg_s[n] * clear:
                return True
        if on_second:
            if (supply_c[n] > high_c[n]) if high[n] == 0 else (supply_c[n] < high_c[n] - 2.0):
                return True
            if (supply_c[n] < dew_point_c) if condensing[n] == 0 else (supply_c[n] > dew_point_c + 1.0):
                return True
    return False


@njit(cache=True)
def commands(valve_command, stuck_at, speed_wish, pump_cdu, speed_factor, valve_row, target_row):
    """Commands as the actuators get them (fills the last two arrays): a stuck valve knows only its position."""
    for k in range(valve_command.size):
        valve_row[k] = stuck_at[k] if stuck_at[k] >= 0.0 else valve_command[k]
    for j in range(pump_cdu.size):
        target_row[j] = speed_wish[pump_cdu[j]] * speed_factor[j]


@njit(cache=True)
def moving(driven, target, speed, settled, coasting):
    """Whether a pump is still on its way: driven and off its target, or coasting at a speed that matters."""
    for j in range(speed.size):
        if driven[j] > 0.0:
            if abs(target[j] - speed[j]) > settled:
                return True
        elif speed[j] > coasting:
            return True
    return False


@njit(cache=True)
def facility_line(supply_c, flow_kg_s, last_supply_c, last_flow_kg_s, last_s, dt_s, line):
    """Facility temperature and flow over the step (fills rows 3 to 6 of the held CDU table) and remembers them.

    The last change goes on, never by more than itself; without a last step the values stay.
    """
    per_s = 1.0 / max(last_s[0], dt_s) if last_s[0] > 0.0 else 0.0
    for k in range(supply_c.size):
        line[3, k] = supply_c[k]
        line[4, k] = (supply_c[k] - last_supply_c[k]) * per_s
        line[5, k] = flow_kg_s[k]
        line[6, k] = (flow_kg_s[k] - last_flow_kg_s[k]) * per_s
        last_supply_c[k] = supply_c[k]
        last_flow_kg_s[k] = flow_kg_s[k]
    last_s[0] = dt_s




@njit(cache=True)
def meter(y, chip, supply, primary_j, pump_j, room_j, hottest_ratio, pump_cdu, pump_loss, controller_w, powered, dt_s,
          hottest_c, primary_w, pump_w, rack_room_w, controller_power_w, cdu_room_w, totals):  # fmt: skip
    """Meter readings of a step as mean powers, the hottest chips, and totals (fills the last seven arrays).

    totals: energy of pumps, controllers, to the facility water, rack to room, CDU to room [J]; sum of all states
    (no finite number when one of them is none).
    """
    totals[:] = 0.0
    for i in range(chip.size):
        hottest_c[i] = chip[i] + hottest_ratio[i] * (chip[i] - supply[i])
        rack_room_w[i] = room_j[i] / dt_s
        totals[3] += room_j[i]
    for k in range(primary_j.size):
        primary_w[k] = primary_j[k] / dt_s
        controller_power_w[k] = controller_w[k] * powered[k]
        cdu_room_w[k] = controller_power_w[k]
        totals[1] += controller_power_w[k] * dt_s
        totals[2] += primary_j[k]
    for j in range(pump_j.size):
        pump_w[j] = pump_j[j] / dt_s
        cdu_room_w[pump_cdu[j]] += pump_loss[j] * pump_w[j]
        totals[0] += pump_j[j]
    for k in range(primary_j.size):
        totals[4] += cdu_room_w[k] * dt_s
    for n in range(y.size):
        totals[5] += y[n]
