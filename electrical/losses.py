"""Losses of power equipment and the currents and voltage drops behind them."""

from __future__ import annotations

from typing import Any

SQRT3 = 3.0**0.5


def converter_loss_w(power_out_w: Any, rated_w: Any, a0: Any, a1: Any, a2: Any) -> Any:
    """Loss of a power converter (UPS, rectifier, power shelf).

    Parameters
    ----------
    power_out_w : float or array
        Power delivered. [W]
    rated_w : float or array
        Rated output power. [W]
    a0, a1, a2 : float or array
        No-load, switching and conduction loss, each as a fraction of the rated power. [-]

    Returns
    -------
    float or array
        Loss while the converter is energised. [W]

    Notes
    -----
    :math:`P_{loss} = P_{rated}(a_0 + a_1 x + a_2 x^2)` with :math:`x = P_{out}/P_{rated}`. Valid for
    0 <= x <= about 1.5 (overload range of a UPS); the coefficients are fitted at a constant power factor.

    References
    ----------
    Quadratic converter loss law as used for inverters: Driesse, Jain, Harrison, "Beyond the curves: modeling
    the electrical efficiency of photovoltaic inverters", IEEE PVSC 2008.

    Examples
    --------
    Half load on 500 kW: 500 kW x (0.005 + 0.0065 + 0.003) = 7.25 kW.

    >>> round(converter_loss_w(250e3, 500e3, 0.005, 0.013, 0.012), 6)
    7250.0
    """
    x = power_out_w / rated_w
    return rated_w * (a0 + a1 * x + a2 * x * x)


def converter_efficiency_fraction(power_out_w: Any, rated_w: Any, a0: Any, a1: Any, a2: Any) -> Any:
    """Efficiency of a converter, output over input.

    Parameters
    ----------
    power_out_w, rated_w : float or array
        Delivered and rated power. [W]
    a0, a1, a2 : float or array
        Loss coefficients of :func:`converter_loss_w`. [-]

    Returns
    -------
    float or array
        Efficiency. [-]

    Examples
    --------
    >>> round(converter_efficiency_fraction(250e3, 500e3, 0.005, 0.013, 0.012), 4)
    0.9718
    """
    return power_out_w / (power_out_w + converter_loss_w(power_out_w, rated_w, a0, a1, a2))


def transformer_loss_w(apparent_va: Any, rated_va: Any, no_load_w: Any, load_w: Any) -> Any:
    """Loss of a transformer: iron at all times, copper with the square of the load.

    Parameters
    ----------
    apparent_va, rated_va : float or array
        Load and rating. [VA]
    no_load_w, load_w : float or array
        Measured no-load loss and load loss at rating (P0, Pk). [W]

    Returns
    -------
    float or array
        Loss while energised. [W]

    Notes
    -----
    :math:`P = P_0 + P_k (S/S_r)^2` at rated voltage and reference temperature.

    References
    ----------
    IEC 60076-1, no-load loss and load loss.

    Examples
    --------
    2,500 kVA, P0 1.575 kW, Pk 18.5 kW at half load: 1.575 + 18.5/4 = 6.2 kW.

    >>> transformer_loss_w(1.25e6, 2.5e6, 1575.0, 18500.0)
    6200.0
    """
    x = apparent_va / rated_va
    return no_load_w + load_w * x * x


def line_current_a(apparent_va: Any, line_voltage_v: Any) -> Any:
    """Line current of a balanced three-phase load.

    Parameters
    ----------
    apparent_va : float or array
        Three-phase apparent power. [VA]
    line_voltage_v : float or array
        Phase-to-phase voltage. [V]

    Returns
    -------
    float or array
        Line current. [A]

    Notes
    -----
    :math:`I = S/(\\sqrt{3} U)`.

    Examples
    --------
    140 kW at 415 V and power factor 1:

    >>> round(line_current_a(140e3, 415.0), 1)
    194.8
    """
    return apparent_va / (SQRT3 * line_voltage_v)


def conductor_loss_w(current_a: Any, resistance_ohm: Any) -> Any:
    """Joule loss of a three-phase conductor.

    Parameters
    ----------
    current_a : float or array
        Line current. [A]
    resistance_ohm : float or array
        Resistance of one phase. [ohm]

    Returns
    -------
    float or array
        Loss of the three phases. [W]

    Notes
    -----
    :math:`P = 3 I^2 R`; balanced, no neutral current.

    Examples
    --------
    100 A through 10 milliohm: 3 x 10,000 x 0.01 = 300 W.

    >>> conductor_loss_w(100.0, 0.01)
    300.0
    """
    return 3.0 * current_a * current_a * resistance_ohm


def voltage_drop_fraction(
    active_w: Any, reactive_var: Any, resistance_ohm: Any, reactance_ohm: Any, line_voltage_v: Any
) -> Any:
    """Relative voltage drop along a three-phase conductor.

    Parameters
    ----------
    active_w, reactive_var : float or array
        Power received at the far end. [W], [var]
    resistance_ohm, reactance_ohm : float or array
        Impedance of one phase. [ohm]
    line_voltage_v : float or array
        Phase-to-phase voltage. [V]

    Returns
    -------
    float or array
        Drop over the line voltage. [-]

    Notes
    -----
    :math:`\\Delta U/U \\approx (R P + X Q)/U^2`: first order, good to 0.1 % of U for drops below 3 %.

    References
    ----------
    Baran and Wu, "Network reconfiguration in distribution systems", IEEE Trans. Power Delivery 4 (1989) 1401.

    Examples
    --------
    100 kW over 10 milliohm at 400 V: 1,000 / 160,000.

    >>> voltage_drop_fraction(100e3, 0.0, 0.01, 0.01, 400.0)
    0.00625
    """
    return (resistance_ohm * active_w + reactance_ohm * reactive_var) / (line_voltage_v * line_voltage_v)
