"""A035: a spatial condition enters at the lowest resolution alone."""

from collections.abc import Iterable, Set

from designer.diagnostics import Diagnostic
from designer.dims import Dim
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import INPUT, Flow, Key, Leaf
from designer.shapes.values import SAMPLES, Tensor

RULE = Rule(
    code="A035",
    title="Spatial condition at the bottleneck alone",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A control map meets the trunk of a network of several resolutions at the lowest of them alone.",
    why="Edges and positions must pass the bottleneck to reach the detail that they are about.",
    example="A depth map, encoded to 8×8 and added to the middle of a U-Net.",
    instead="Inject it at every level: ControlNet's residuals, T2I-Adapter's maps.",
    article="8",
    reference="Zhang et al. 2023, arXiv:2302.05543; Mou et al. 2023, arXiv:2302.08453",
)
SIDE = 1024  # where symbolic sizes are compared


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Find where each control map first meets what the sample makes, and compare the resolutions."""
    main, flow = context.design.main_definition, context.flow
    controls = [port for port in main.inputs if port.role == "control"]
    if not controls or context.broken or context.design.training.get("sampling_only"):
        return
    trunk = set[Key]().union(*(_after(flow, port.name) for port in main.inputs if port.role in SAMPLES))
    sides = [side for key in trunk if (side := _side(flow.leaves[key]))]
    for port in controls:
        mine = _after(flow, port.name)
        meetings = [flow.leaves[key] for key in mine if _meets(flow, flow.leaves[key], mine.keys(), trunk)]
        reached = [(_side(leaf), leaf) for leaf in meetings if _side(leaf)]
        if reached and min(sides) < max(sides) and all(side == min(sides) for side, _ in reached):
            leaf = reached[0][1]
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{port.name} meets the trunk at {leaf.call.node.id} alone, at 1/{max(sides) // min(sides)} of the resolution; "
                "inject it at every level",
                leaf.place,
                received="the lowest level",
                expected="every level",
                reference=RULE.article,
                path=leaf.path,
            )


def _after(flow: Flow, name: str) -> dict[Key, None]:
    return dict.fromkeys(leaf.key for leaf in flow.downstream((*INPUT, name)))


def _meets(flow: Flow, leaf: Leaf, mine: Set[Key], trunk: Set[Key]) -> bool:
    """Whether a block call takes the control on one input and the trunk without it on another."""
    sources = {before.key for _, before in flow.inputs(leaf)}
    return (
        leaf.key in trunk
        and any(key in trunk and key not in mine for key in sources)
        and bool(sources & mine)
    )


def _side(leaf: Leaf) -> int:
    """The height of a map at `SIDE`; 0 for what is no map."""
    value = leaf.call.outputs.get(leaf.spec.outputs[0].name)
    if not isinstance(value, Tensor) or len(value.shape) != 4:
        return 0
    height = Dim.of(value.shape[2])
    return height.evaluate(dict.fromkeys(height.symbols, SIDE))


def _controlled(low: bool) -> examples.Document:
    nodes = {
        "low": {"call": "DownsampleConv"},
        "hint": {
            "call": "Conv2d",
            "params": {"out_channels": 16, "kernel_size": 4 if low else 3, "stride": 2 if low else 1},
        },
        "inject": {"call": "ControlResidual"},
        "up": {"call": "UpsampleConv"},
    }
    edges = [("map", "hint.x"), ("hint.out", "inject.control"), ("h.out", "low.x" if low else "inject.x")]
    edges += (
        [("low.out", "inject.x"), ("inject.out", "up.x")]
        if low
        else [("inject.out", "low.x"), ("low.out", "up.x")]
    )
    inputs = (examples.IMAGE, examples.TIME, {"name": "map", "role": "control", "shape": "B 3 H W"})
    return examples.convolutional(nodes, edges, "up.out", inputs=inputs)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _controlled(True)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _controlled(False)
