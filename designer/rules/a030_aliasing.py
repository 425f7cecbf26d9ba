"""A030: downsampling without low-pass."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf

RULE = Rule(
    code="A030",
    title="Downsampling without low-pass",
    severity="warning",
    family="advice",
    effect=0.005,
    what="A map is reduced by taking every other pixel or the largest of a window, with nothing that averages before.",
    why="High frequencies fold into low ones and skips carry them across (measured: shift error .038–.048 against .023–.024 with blur; training loss equal).",
    example="MaxPool2d, or a 1×1 convolution with stride 2.",
    instead="Average pooling, a blur before the stride, or a strided convolution at least as wide as its stride plus one.",
    article="2.2.4, 9",
    reference="Zhang 2019, arXiv:1904.11486",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at largest-of-window pooling and at strides wider than their filter."""
    for leaf in context.flow.tagged("downsample", "conv"):
        kernel, stride = leaf.iteration.params.get("kernel_size"), leaf.iteration.params.get("stride", 1)
        bare = (
            leaf.has("conv")
            and isinstance(kernel, int)
            and isinstance(stride, int)
            and kernel <= stride
            and stride > 1
        )
        drops = leaf.has("highest") or (bare and not leaf.has("upsample", "embedding"))
        if drops and not any(one.has("reshape") for one in context.flow.after(leaf)):  # these make patches
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.call.node.id} reduces the resolution without a low-pass: aliasing; average or blur first",
                leaf.place,
                received=leaf.spec.name,
                expected="AvgPool2d, FIRDownsample or DownsampleConv",
                fix=_fix(leaf),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(leaf: Leaf) -> Fix | None:
    """Average instead of taking the largest; let a filter be wider than its stride."""
    place = {"definition": leaf.frame.definition.name, "node": leaf.call.node.id}
    stride = leaf.iteration.params.get("stride", 2)
    if leaf.has("conv") and isinstance(stride, int) and stride % 2 == 0:
        sizes = {"kernel_size": stride + 1, "padding": stride // 2}
        operations = tuple(
            {"op": "set", **place, "param": name, "value": value} for name, value in sizes.items()
        )
        return Fix(f"Set the kernel to {stride + 1}", operations)
    return (
        None
        if leaf.has("conv") or stride != 2
        else Fix("Average instead", ({"op": "call", **place, "call": "AvgPool2d"},))
    )


def _reduced(block: str) -> examples.Document:
    return examples.convolutional(
        {"down": {"call": block}, "up": {"call": "UpsampleConv"}},
        [("h.out", "down.x"), ("down.out", "up.x")],
        "up.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _reduced("MaxPool2d")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _reduced("AvgPool2d")
