"""S009: shape mismatch."""

from designer.diagnostics import Diagnostic, Fix
from designer.document import Design
from designer.operations import insertion
from designer.rules import Rule, examples

RULE = Rule(
    code="S009",
    title="Shape mismatch",
    severity="error",
    family="structure",
    what="The shape that arrives is not the shape that the node takes.",
    why="PyTorch would fail here, at run time.",
    example="Add of [B, 128, H, W] and [B, 64, H, W].",
    instead="Insert a 1×1 convolution on one side, or set the channels equal.",
    article="5.3, 6, 7",
)


def fix(design: Design, diagnostic: Diagnostic) -> Fix | None:
    """Project the features where they alone differ: a 1×1 convolution on a map, a linear layer on tokens."""
    received, expected = diagnostic.received.split(), diagnostic.expected.split()
    differing = [
        axis for axis, pair in enumerate(zip(received, expected, strict=False)) if pair[0] != pair[1]
    ]
    calls = {
        (4, 1): ("Conv2d", "out_channels", {"kernel_size": 1, "padding": 0}),
        (3, 2): ("Linear", "out_features", {}),
        (2, 1): ("Linear", "out_features", {}),
    }
    found = calls.get((len(expected), differing[0])) if len(differing) == 1 else None
    if found is None or len(received) != len(expected) or not expected[differing[0]].isdigit():
        return None
    name, _, node = diagnostic.node.partition("/")
    target, size = f"{node}.{diagnostic.port}", int(expected[differing[0]])
    if target not in design.definitions[name].sources:
        return None
    call, width, fixed = found
    operations = insertion(
        design.definitions[name], target, call, "proj", ("x", "out"), **{width: size, **fixed}
    )
    return Fix(
        f"Project {diagnostic.port} of {node} from {received[differing[0]]} to {size} features", operations
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _skip(8)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _skip(16)


def _skip(channels: int) -> examples.Document:
    return examples.convolutional(
        {"conv": {"call": "Conv2d", "params": {"out_channels": channels}}, "add": {"call": "Add"}},
        [("h.out", "conv.x"), ("h.out", "add.a"), ("conv.out", "add.b")],
        "add.out",
    )
