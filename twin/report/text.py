"""Numbers, times and markup as text: everything that comes from data is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from math import floor, isfinite, log10
from typing import Any

DASH = "—"


def e(value: object) -> str:
    """Text safe inside HTML and SVG."""
    return escape(str(value), quote=True)


def number(value: float | None, digits: int = 4) -> str:
    """A number with a few significant digits and thin spaces between thousands; a dash for what does not exist.

    Examples
    --------
    >>> number(1234567.0), number(0.16789), number(None), number(0.0), number(3.1e-14)
    ('1\u202f234\u202f567', '0.1679', '—', '0', '3.1e-14')
    """
    if value is None or not isfinite(value):
        return DASH
    if value == 0:
        return "0"
    size = abs(value)
    if size < 1e-4 or size >= 1e12:
        return f"{value:.3g}"
    decimals = max(0, digits - 1 - floor(log10(size)))
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(",", "\u202f")


def percent(value: float | None, digits: int = 3) -> str:
    """A fraction as per cent.

    Examples
    --------
    >>> percent(0.0834)
    '8.34 %'
    """
    return DASH if value is None or not isfinite(value) else f"{number(100.0 * value, digits)} %".replace("-", "−")


def system_name(kpi: str) -> str:
    """The system that a headroom KPI is about.

    Examples
    --------
    >>> system_name("headroom_gpu_temperature_fraction"), system_name("headroom_dry_cooler_fraction")
    ('GPU temperature', 'dry cooler')
    """
    words = kpi.removeprefix("headroom_").removesuffix("_fraction").split("_")
    return " ".join(w.upper() if w in ("gpu", "cpu", "ups", "cdu", "fws", "tcs") else w for w in words)


def clock(t_s: float | None) -> str:
    """Seconds since the start as hours, minutes and seconds.

    Examples
    --------
    >>> clock(3661.25), clock(90000.0)
    ('01:01:01.25', '25:00:00')
    """
    if t_s is None or not isfinite(t_s):
        return DASH
    sign, t = ("-" if t_s < 0 else ""), round(abs(t_s), 3)
    whole = int(t)
    rest = f"{t - whole:.3f}".lstrip("0").rstrip("0").rstrip(".")
    return f"{sign}{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{rest}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], css: str = "") -> str:
    """An HTML table; cells are markup already, so data in them must have been through `e`."""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    cls = f' class="{css}"' if css else ""
    top = "".join(f"<th>{e(h)}</th>" for h in head)
    return f'<div class="scroll"><table{cls}><thead><tr>{top}</tr></thead><tbody>\n{body}</tbody></table></div>'


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Dotted keys and texts of a nested mapping."""
    if isinstance(value, Mapping):
        return [row for k, v in value.items() for row in flatten(v, f"{prefix}.{k}" if prefix else str(k))]
    if isinstance(value, list | tuple):
        return [(prefix, ", ".join(str(v) for v in value))]
    return [(prefix, DASH if value is None else str(value))]
