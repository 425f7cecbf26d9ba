"""What a sweep found: a table, the stable range of each design, and a plot of the stable regions as SVG."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from designer.lab.points import Point
from designer.lab.trial import Outcome

# of Okabe and Ito, told apart by colour-blind readers; the mark tells them apart without colour
_LOOK = {
    "ok": ("#009e73", "✓"),
    "warn": ("#f0e442", "!"),
    "fail": ("#d55e00", "✗"),
    "crashed": ("#7f3b08", "⚡"),
}
_OTHER = ("#cbd5e1", "–")
_CELL_W, _CELL_H, _TOP = 84, 40, 62


@dataclass(frozen=True)
class Row:
    """One trial and what came of it."""

    point: Point
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        outcome = self.outcome
        return {
            "design": self.point.label,
            "settings": dict(self.point.settings),
            "run": self.point.name,
            "verdict": outcome.verdict,
            "nloss": outcome.nloss,
            "stopped": outcome.stopped,
            "reason": outcome.reason,
            "seconds": round(outcome.seconds, 2),
        }


@dataclass(frozen=True)
class Range:
    """Where a design, with its other settings fixed, is stable along one numeric setting."""

    design: str
    fixed: Mapping[str, Any]
    setting: str
    stable: tuple[float, ...]
    tried: tuple[float, ...]

    def __str__(self) -> str:
        """Return the range as people read it."""
        name = ", ".join([self.design, *(f"{key} {value}" for key, value in self.fixed.items())])
        if not self.stable:
            return f"{name}: stable at no {self.setting} of {self.tried[0]:g} … {self.tried[-1]:g}"
        gaps = [
            one for one in self.tried if self.stable[0] < one < self.stable[-1] and one not in self.stable
        ]
        text = f"{name}: stable for {self.setting} {self.stable[0]:g} … {self.stable[-1]:g}"
        return text + (f" except {', '.join(f'{one:g}' for one in gaps)}" if gaps else "")

    def to_json(self) -> dict[str, Any]:
        """Return the range as JSON values."""
        lists = {"stable": list(self.stable), "tried": list(self.tried)}
        return {"design": self.design, "fixed": dict(self.fixed), "setting": self.setting, **lists}


def main_setting(rows: Sequence[Row]) -> str:
    """Return the setting that the columns stand for: the one with the most values; "" without settings."""
    names = list(rows[0].point.settings) if rows else []
    return max(names, key=lambda name: len({row.point.settings[name] for row in rows}), default="")


def ranges(rows: Sequence[Row]) -> list[Range]:
    """Return the stable range of each design along the main setting, where that is a number."""
    setting = main_setting(rows)
    found = []
    for (design, fixed), group in _groups(rows, setting).items():
        tried: dict[Any, bool] = {row.point.settings.get(setting): row.outcome.stable for row in group}
        if setting and all(isinstance(v, int | float) and not isinstance(v, bool) for v in tried):
            values: list[float] = sorted(tried)
            stable = tuple(value for value in values if tried[value])
            found.append(Range(design, dict(fixed), setting, stable, tuple(values)))
    return found


def _groups(rows: Sequence[Row], setting: str) -> dict[tuple[str, tuple[tuple[str, Any], ...]], list[Row]]:
    groups: dict[tuple[str, tuple[tuple[str, Any], ...]], list[Row]] = {}
    for row in rows:
        fixed = tuple(item for item in row.point.settings.items() if item[0] != setting)
        groups.setdefault((row.point.label, fixed), []).append(row)
    return groups


def svg(rows: Sequence[Row]) -> str:
    """Return the plot: a row for a design with its other settings, a column for a value of the main setting."""
    setting = main_setting(rows)
    columns: list[Any] = list(dict.fromkeys(row.point.settings.get(setting) for row in rows))
    if all(isinstance(value, int | float) for value in columns):
        columns.sort()
    groups = _groups(rows, setting)
    names = [", ".join([design, *(f"{k} {v}" for k, v in fixed)]) for design, fixed in groups]
    left = 24 + 7 * max(map(len, names), default=0)
    width, height = left + _CELL_W * len(columns) + 24, _TOP + _CELL_H * len(groups) + 36
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="Inter, Helvetica, Arial, sans-serif" font-size="12" fill="#0f172a" role="img">',
        "<title>Stable regions</title>",
        f'<text x="12" y="22" font-size="14" font-weight="600">Stable regions{escape(f" over {setting}" * bool(setting))}'
        "</text>",
    ]
    for column, value in enumerate(columns):
        text = "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        parts.append(_text(left + _CELL_W * (column + 0.5), _TOP - 10, text))
    for line, (name, group) in enumerate(zip(names, groups.values(), strict=True)):
        y = _TOP + _CELL_H * line
        parts.append(f'<text x="12" y="{y + 25}">{escape(name)}</text>')
        parts += [
            _cell(left + _CELL_W * columns.index(row.point.settings.get(setting)), y, row) for row in group
        ]
    legend = "   ".join(f"{mark} {verdict}" for verdict, (_, mark) in _LOOK.items())
    parts.append(
        f'<text x="12" y="{height - 12}" font-size="11">{legend}; below: loss / predicting zero</text>'
    )
    return "\n".join([*parts, "</svg>"])


def _cell(x: float, y: float, row: Row) -> str:
    colour, mark = _LOOK.get(row.outcome.verdict, _OTHER)
    ink = "#0f172a" if row.outcome.verdict in ("warn", "cancelled") else "#ffffff"
    loss = "" if row.outcome.nloss is None else f"{row.outcome.nloss:.3g}"
    return (
        f'<g fill="{ink}"><title>{escape(row.outcome.reason)}</title><rect x="{x}" y="{y}" width="{_CELL_W - 3}" '
        f'height="{_CELL_H - 3}" rx="3" fill="{colour}"/>{_text(x + _CELL_W / 2, y + 16, mark)}'
        f"{_text(x + _CELL_W / 2, y + 31, loss)}</g>"
    )


def _text(x: float, y: float, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle">{escape(text)}</text>'
