"""A definition drawn as SVG: a U-Net as a U, anything else as a column of ranks. Vector text, light background.

Used where there is no browser: figures in rendered packages and differences of two designs. Values that go to many
nodes, such as a time embedding, are named at their targets instead of being drawn.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import networkx as nx

from designer.document import Definition

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 150, 34, 60, 26, 24
BROADCAST = 4
_DOWN, _UP = re.compile(r"(down|enc|encoder|in)_"), re.compile(r"(up|dec|decoder|out)_")
Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A card: its two lines of text, and the colour of its border."""

    title: str
    subtitle: str = ""
    colour: str = "#64748b"


def svg(definition: Definition, colours: Mapping[str, str] | None = None) -> str:
    """Return the drawing; `colours` gives borders of nodes by name, such as those that a difference changed."""
    graph = _graph(definition)
    taps = {
        source
        for source in graph
        if graph.out_degree(source) >= BROADCAST and not _is_trunk(definition, source)
    }
    lines = graph.edge_subgraph([edge for edge in graph.edges if edge[0] not in taps]).copy()
    lines.add_nodes_from(graph)
    boxes = _boxes(definition, colours or {})
    places = _places(definition, lines)
    named: dict[str, list[str]] = {}
    for source, target in graph.edges:
        if source in taps:
            named.setdefault(target, []).append(source.removeprefix("@"))
    parts = [_wire(places[source], places[target]) for source, target in lines.edges]
    parts += [_card(boxes[name], places[name], named.get(name, [])) for name in graph]
    right = max(x for x, _ in places.values()) + WIDTH + MARGIN
    bottom = max(y for _, y in places.values()) + HEIGHT + MARGIN
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} {-MARGIN} {right + MARGIN:g} {bottom + MARGIN:g}" '
        f'width="{right + MARGIN:g}" height="{bottom + MARGIN:g}" font-family="Inter, Helvetica, Arial, sans-serif">'
    )
    return "\n".join([head, *parts, "</svg>"])


def _graph(definition: Definition) -> "nx.DiGraph[str]":
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(f"@{port.name}" for port in definition.inputs)
    graph.add_nodes_from(definition.nodes)
    ends = [*definition.edges, *((port.source, f"@{port.name}.out") for port in definition.outputs)]
    for source, target in ends:
        start = source.partition(".")[0] if "." in source else f"@{source}"
        end = f"{target.removesuffix('.out')}→" if target.startswith("@") else target.partition(".")[0]
        graph.add_edge(start, end)
    return graph


def _is_trunk(definition: Definition, name: str) -> bool:
    roles = {port.name: port.role for port in definition.inputs}
    return roles.get(name.removeprefix("@")) in ("image", "latent", "map", "tokens", "video", "points")


def _boxes(definition: Definition, colours: Mapping[str, str]) -> dict[str, Box]:
    boxes = {f"@{port.name}": Box(port.name, port.shape, "#2563eb") for port in definition.inputs}
    boxes |= {f"@{port.name}→": Box(port.name, port.shape, "#2563eb") for port in definition.outputs}
    for name, node in definition.nodes.items():
        times = f" × {node.repeat}" if node.repeat is not None else ""
        boxes[name] = Box(name, f"{node.call.removeprefix('=')}{times}", colours.get(name, "#64748b"))
    return boxes


# -- places -------------------------------------------------------------------------------------------------


def _places(definition: Definition, graph: "nx.DiGraph[str]") -> dict[str, Point]:
    ups = {name for name in graph if _UP.match(name)}
    if ups and any(_DOWN.match(name) for name in graph):
        right = ups.union(*(nx.descendants(graph, name) for name in ups))
        return _as_u(graph, right)
    return _as_column(graph)


def _ranks(graph: "nx.DiGraph[str]") -> list[list[str]]:
    if not nx.is_directed_acyclic_graph(graph):
        return [[name] for name in graph]
    return [list(rank) for rank in nx.topological_generations(graph)]


def _as_column(graph: "nx.DiGraph[str]") -> dict[str, Point]:
    """Ranks as rows; in a row, nodes stand in the order of what feeds them."""
    places: dict[str, Point] = {}
    for row, names in enumerate(_ranks(graph)):
        before = {
            name: [places[one][0] for one in graph.predecessors(name) if one in places] for name in names
        }
        ordered = sorted(
            names, key=lambda name: sum(before[name]) / len(before[name]) if before[name] else 0.0
        )
        start = -(len(ordered) - 1) * (WIDTH + GAP_X) / 2
        for column, name in enumerate(ordered):
            places[name] = (start + column * (WIDTH + GAP_X), row * (HEIGHT + GAP_Y))
    return _shifted(places)


def _as_u(graph: "nx.DiGraph[str]", right: set[str]) -> dict[str, Point]:
    """The encoder down the left, the decoder up the right, each decoder node beside the encoder node that feeds it."""
    ranks = _ranks(graph)
    left = [name for rank in ranks for name in rank if name not in right]
    trunk = [name for name in left if any(other in right for other in nx.descendants(graph, name))]
    side = [name for name in left if name not in trunk]
    step = float(HEIGHT + GAP_Y)
    first = next((row for row, name in enumerate(trunk) if _DOWN.match(name)), 0)
    head = max(0, sum(not _UP.match(name) for name in right) - first)  # the arms begin on one row
    places = {name: (0.0, (head + row) * step) for row, name in enumerate(trunk)}
    for name in (name for rank in reversed(ranks) for name in rank if name in right):
        skips = [places[one][1] for one in graph.predecessors(name) if _DOWN.match(one) and one in places]
        after = [places[one][1] for one in graph.successors(name) if one in places and one in right]
        top = skips[0] if skips else (max(after) + step if after else 0.0)
        taken = {place for one, place in places.items() if one in right}
        while any(abs(top - y) < step for x, y in taken):
            top += step
        places[name] = (WIDTH + 3 * GAP_X, top)
    places |= {name: (-(WIDTH + GAP_X), row * step) for row, name in enumerate(side)}
    return _shifted(places)


def _shifted(places: Mapping[str, Point]) -> dict[str, Point]:
    left, top = min(x for x, _ in places.values()), min(y for _, y in places.values())
    return {name: (x - left, y - top) for name, (x, y) in places.items()}


# -- drawing ------------------------------------------------------------------------------------------------


def _card(box: Box, place: Point, taps: list[str]) -> str:
    x, y = place
    text = [
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#ffffff" stroke="{box.colour}"/>',
        f'<text x="{x + 9:g}" y="{y + 15:g}" font-size="11" font-weight="600" fill="#0f172a">{escape(box.title)}</text>',
    ]
    if box.subtitle:
        text.append(
            f'<text x="{x + 9:g}" y="{y + 27:g}" font-size="9" fill="#475569">{escape(box.subtitle)}</text>'
        )
    if taps:
        label = escape(", ".join(taps))
        text.append(
            f'<text x="{x + WIDTH - 6:g}" y="{y + 15:g}" font-size="9" fill="#b45309" text-anchor="end">{label}</text>'
        )
    return "\n".join(text)


def _wire(start: Point, end: Point) -> str:
    (x1, y1), (x2, y2) = start, end
    across = abs(x1 - x2) >= WIDTH + GAP_X
    if across:
        a, b = (
            ((x1 + WIDTH, y1 + HEIGHT / 2), (x2, y2 + HEIGHT / 2))
            if x2 > x1
            else ((x1, y1 + HEIGHT / 2), (x2 + WIDTH, y2 + HEIGHT / 2))
        )
        middle = (a[0] + b[0]) / 2
        path = f"M{a[0]:g},{a[1]:g} C{middle:g},{a[1]:g} {middle:g},{b[1]:g} {b[0]:g},{b[1]:g}"
    else:
        down = y2 > y1
        a = (x1 + WIDTH / 2, y1 + HEIGHT if down else y1)
        b = (x2 + WIDTH / 2, y2 if down else y2 + HEIGHT)
        middle = (a[1] + b[1]) / 2
        path = f"M{a[0]:g},{a[1]:g} C{a[0]:g},{middle:g} {b[0]:g},{middle:g} {b[0]:g},{b[1]:g}"
    return f'<path d="{path}" fill="none" stroke="#94a3b8" stroke-width="1.2"/>'
