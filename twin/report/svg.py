"""A small drawing board: boxes, lines and texts in SVG."""

from __future__ import annotations

from collections.abc import Sequence

from twin.report.text import e

INK, SOFT, PAPER = "#1d2530", "#6b7685", "#ffffff"
COLD, HOT = "#1f77b4", "#d1495b"
CALM, WARN, ALARM = "#e8f2ea", "#fdebc8", "#f6c9c9"


class Board:
    """Collects SVG elements; sizes in pixels, y downwards."""

    def __init__(self, width: float, height: float, title: str):
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def box(self, x: float, y: float, w: float, h: float, *, fill: str = PAPER, stroke: str = INK, dash: str = "",
            stroke_width: float = 1.2, title: str = "") -> None:
        extra = f' stroke-dasharray="{dash}"' if dash else ""
        hint = f"<title>{e(title)}</title>" if title else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="5" fill="{fill}" stroke="{stroke}" '
            f'stroke-width="{stroke_width}"{extra}>{hint}</rect>')

    def line(self, points: Sequence[tuple[float, float]], *, color: str = INK, width: float = 1.6, dash: str = "",
             arrow: bool = False) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        extra = f' stroke-dasharray="{dash}"' if dash else ""
        head = f' marker-end="url(#head-{color.lstrip("#")})"' if arrow else ""
        look = f'fill="none" stroke="{color}" stroke-width="{width}"{extra}{head}'
        self.parts.append(f'<polyline points="{path}" {look}/>')

    def text(self, x: float, y: float, lines: str | Sequence[str], *, size: float = 12, anchor: str = "start",
             color: str = INK, bold: bool = False, gap: float = 1.3) -> None:
        weight = ' font-weight="600"' if bold else ""
        for k, line in enumerate([lines] if isinstance(lines, str) else lines):
            place = f'x="{x:.1f}" y="{y + k * size * gap:.1f}" font-size="{size}" text-anchor="{anchor}"'
            self.parts.append(f'<text {place} fill="{color}"{weight}>{e(line)}</text>')

    def cross(self, x: float, y: float, w: float, h: float, *, color: str = "#b00020") -> None:
        """A box struck out."""
        self.line([(x, y), (x + w, y + h)], color=color, width=2.2)
        self.line([(x, y + h), (x + w, y)], color=color, width=2.2)

    def render(self) -> str:
        colors = sorted({p.split('url(#head-')[1].split(")")[0] for p in self.parts if "url(#head-" in p})
        heads = "".join(
            f'<marker id="head-{c}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0,0 L8,4 L0,8 z" fill="#{c}"/></marker>' for c in colors)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}" role="img" '
                f'class="drawing" style="max-width:{self.width:.0f}px" font-family="system-ui,DejaVu Sans,sans-serif">'
                f"<title>{e(self.title)}</title><defs>{heads}</defs>{''.join(self.parts)}</svg>")


def loading_fill(fraction: float | None) -> str:
    """Fill of a box by loading: calm below 80 %, warn to 100 %, alarm above."""
    if fraction is None:
        return PAPER
    return CALM if fraction < 0.8 else WARN if fraction <= 1.0 else ALARM
