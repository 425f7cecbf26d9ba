"""A difference as text for a terminal and as one standalone HTML page for a pull request."""

from collections.abc import Iterator

from designer.diff import Cost, Difference
from designer.document import Design
from designer.draw import svg
from designer.templating import fill

COLOURS = {"added": "#15803d", "removed": "#b91c1c"}
OTHER = "#b45309"


def lines(difference: Difference) -> Iterator[str]:
    """Yield one line a change, then one a cost."""
    for one in difference.changes:
        values = f": {one.before} → {one.after}" if one.before is not None or one.after is not None else ""
        yield f"{one.kind:<14} {one.place}  {one.what}{values}"
    if difference.same:
        yield "the designs mean the same"
    for cost in difference.costs:
        yield f"{cost.name:<26} {number(cost.before)} → {number(cost.after)} ({signed(cost.delta)})"


def number(value: int | None) -> str:
    """Return a number with thousands apart, or what stands for a design without cost."""
    return "unknown" if value is None else f"{value:,}"


def signed(value: int | None) -> str:
    """Return a difference with its sign."""
    return "unknown" if value is None else f"{value:+,}"


def html(difference: Difference, before: Design, after: Design) -> str:
    """Return the page: totals, both drawings of each definition that differs, every change."""
    from markupsafe import Markup

    drawings = [
        {"name": name, "before": Markup(left), "after": Markup(right)}  # our own SVG, its texts escaped
        for name, left, right in _drawings(difference, before, after)
    ]
    rows = [_row(cost) for cost in difference.costs]
    return fill("diff.html.jinja", difference=difference, costs=rows, drawings=drawings)


def _row(cost: Cost) -> dict[str, str]:
    return {
        "name": cost.name.replace("_", " "),
        "before": number(cost.before),
        "after": number(cost.after),
        "delta": signed(cost.delta),
    }


def _drawings(difference: Difference, before: Design, after: Design) -> Iterator[tuple[str, str, str]]:
    """The main definition and each that changed, on both sides; what changed has a coloured border."""
    colours: dict[str, dict[str, str]] = {}
    for one in difference.changes:
        name, _, node = one.place.partition("/")
        if node:
            colours.setdefault(name, {})[node] = COLOURS.get(one.kind, OTHER)
    for name in dict.fromkeys((after.main, *colours)):
        marks = colours.get(name, {})
        left, right = (design.definitions.get(name) for design in (before, after))
        yield name, svg(left, marks) if left else "", svg(right, marks) if right else ""
