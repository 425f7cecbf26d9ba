"""Line plots as SVG text: vectors, no script, colours that colour-blind readers tell apart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 260, 58, 150, 28, 40
# of Okabe and Ito, for things without an order; of viridis, for noise levels from the least noise on
CATEGORIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
LEVELS = ("#440154", "#46327e", "#365c8d", "#277f8e", "#1fa187", "#4ac16d", "#a0da39", "#d8c51c")
_MOST_POINTS = 400
_TEXT = "#334155"


@dataclass(frozen=True)
class Line:
    """A named line through (x, y); y None is a gap."""

    name: str
    x: Sequence[float]
    y: Sequence[float | None]
    colour: str
    dashed: bool = False

    def points(self, log: bool) -> list[tuple[float, float] | None]:
        """Return what is drawn: at most 400 points, None where the line is interrupted."""
        every = max(1, math.ceil(len(self.x) / _MOST_POINTS))
        pairs = list(zip(self.x, self.y, strict=True))[::every]
        return [
            (x, math.log10(y) if log else y)
            if y is not None and math.isfinite(y) and (y > 0 or not log)
            else None
            for x, y in pairs
        ]


@dataclass(frozen=True)
class _Axis:
    """Maps values from `low` to `high` to pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def plot(title: str, lines: Sequence[Line], x_label: str, y_label: str, log: bool = False) -> str:
    """Return the plot; `log` makes the y axis logarithmic. Without any finite point it is "" ."""
    drawn = [(line, line.points(log)) for line in lines]
    points = [point for _, found in drawn for point in found if point is not None]
    if not points:
        return ""
    x_axis = _Axis(*_range([x for x, _ in points]), LEFT, WIDTH - RIGHT)
    low, high = _range([y for _, y in points])
    pad = 0.05 * (high - low)
    y_axis = _Axis(low - pad, high + pad, HEIGHT - BOTTOM, TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="Inter, Helvetica, Arial, sans-serif" font-size="11" fill="{_TEXT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<text x="{LEFT}" y="16" font-size="13" font-weight="600">{escape(title)}</text>',
        *_frame(x_axis, y_axis, log),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>',
        f'<text transform="translate(12 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>",
    ]
    for line, found in drawn:
        parts.append(_path(line, found, x_axis, y_axis))
    parts += _legend(lines)
    return "\n".join([*parts, "</svg>"])


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max(abs(low) * 0.05, 1e-12)
    return (low, high) if high > low else (low - margin, high + margin)


def _frame(x_axis: _Axis, y_axis: _Axis, log: bool) -> list[str]:
    parts = []
    for value in ticks(y_axis.low, y_axis.high):
        y = y_axis.at(value)
        text = f"{10**value:.3g}" if log else f"{value:.4g}"
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e2e8f0"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for value in ticks(x_axis.low, x_axis.high):
        x = x_axis.at(value)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{value:.4g}</text>')
    parts.append(f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#94a3b8"/>')
    return parts


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return round values between `low` and `high`, about `wanted` of them."""
    rough = (high - low) / wanted
    power = 10 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _path(line: Line, points: Sequence[tuple[float, float] | None], x_axis: _Axis, y_axis: _Axis) -> str:
    text, pen_down = "", False
    for point in points:
        if point is not None:
            text += f"{'L' if pen_down else 'M'}{x_axis.at(point[0]):.1f} {y_axis.at(point[1]):.1f}"
        pen_down = point is not None
    dash = ' stroke-dasharray="4 3"' if line.dashed else ""
    single = ' stroke-linecap="round"' if "L" not in text else ""
    text += "h0.1" if single else ""
    width = 5 if single else 1.5
    return f'<path d="{text}" fill="none" stroke="{line.colour}" stroke-width="{width}"{dash}{single}/>'


def _legend(lines: Sequence[Line]) -> list[str]:
    parts, room = [], (HEIGHT - TOP - BOTTOM) // 15
    shown = lines if len(lines) <= room else lines[: room - 1]
    x = WIDTH - RIGHT + 10
    for index, line in enumerate(shown):
        y = TOP + 6 + 15 * index
        dash = ' stroke-dasharray="4 3"' if line.dashed else ""
        name = line.name if len(line.name) <= 20 else f"…{line.name[-19:]}"
        parts.append(f'<path d="M{x} {y}h14" stroke="{line.colour}" stroke-width="2"{dash}/>')
        parts.append(f'<text x="{x + 18}" y="{y + 4}" font-size="10">{escape(name)}</text>')
    if len(shown) < len(lines):
        y = TOP + 10 + 15 * len(shown)
        parts.append(f'<text x="{x}" y="{y}" font-size="10">and {len(lines) - len(shown)} more</text>')
    return parts
