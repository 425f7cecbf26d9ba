"""A comparison as SVG: a bar a contender, as long as its call takes, with its quartiles and its speedup."""

from html import escape

from designer.bench.report import BenchReport, Contender

WIDTH, BAR, GAP, LEFT, RIGHT, TOP, FOOT = 760, 26, 16, 150, 190, 56, 30
COLOURS = {"eager": "#64748b", "compile": "#d97706", "ort": "#2563eb"}
LINE_CHARACTERS = 112


def plot(report: BenchReport) -> str:
    """Return the picture."""
    bars = report.timed
    longest = max((one.quartiles_ms[1] for one in bars if one.quartiles_ms), default=1.0)
    height = TOP + len(bars) * (BAR + GAP) + FOOT
    heading = report.heading()
    title = heading if len(heading) <= LINE_CHARACTERS else heading[: LINE_CHARACTERS - 1] + "…"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="Inter, Helvetica, Arial, sans-serif" font-size="13" fill="#0f172a">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="12">{escape(title)}</text>',
        *(_bar(one, index, longest) for index, one in enumerate(bars)),
        f'<text x="{LEFT}" y="{height - 12}" font-size="11" fill="#64748b">milliseconds a call, median and '
        f"quartiles; speedup over {escape(report.baseline)}</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _bar(one: Contender, index: int, longest: float) -> str:
    assert one.median_ms is not None and one.quartiles_ms and one.speedup is not None
    scale = (WIDTH - LEFT - RIGHT) / longest
    y, length = TOP + index * (BAR + GAP), one.median_ms * scale
    low, high = (LEFT + value * scale for value in one.quartiles_ms)
    middle = y + BAR / 2
    return "\n".join(
        [
            f'<text x="{LEFT - 10}" y="{middle + 4:g}" text-anchor="end">{escape(one.title)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3" fill="{COLOURS[one.name]}"/>',
            f'<path d="M{low:.1f} {middle:g}H{high:.1f}M{low:.1f} {middle - 5:g}v10M{high:.1f} {middle - 5:g}v10" '
            'stroke="#0f172a" fill="none"/>',
            f'<text x="{max(high, LEFT + length) + 10:.1f}" y="{middle + 4:g}">{one.median_ms:.2f} ms   '
            f"{one.speedup:.2f}×</text>",
        ]
    )
