"""A031: transposed convolution with uneven overlap."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf

RULE = Rule(
    code="A031",
    title="Transposed convolution with uneven overlap",
    severity="warning",
    family="advice",
    effect=0.01,
    what="The kernel of a transposed convolution is no multiple of its stride.",
    why="Outputs are covered unevenly often: a checkerboard that the network must learn to cancel.",
    example="kernel_size 3 with stride 2.",
    instead="kernel_size 4 with stride 2, or nearest-neighbour upsampling and a convolution.",
    article="2.2.4",
    reference="Odena et al. 2016, doi:10.23915/distill.00003",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare kernel and stride."""
    for leaf in context.flow.tagged("upsample"):
        kernel, stride = leaf.iteration.params.get("kernel_size"), leaf.iteration.params.get("stride")
        if leaf.has("conv") and isinstance(kernel, int) and isinstance(stride, int) and kernel % stride:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{leaf.call.node.id} has kernel {kernel} and stride {stride}: uneven overlap shows as a checkerboard",
                leaf.place,
                "kernel_size",
                received=str(kernel),
                expected=f"a multiple of {stride}",
                fix=_fix(leaf, kernel, stride),
                reference=RULE.article,
                path=leaf.path,
            )


def _fix(leaf: Leaf, kernel: int, stride: int) -> Fix | None:
    """The next multiple of the stride, and the border with which the output is `stride` times as large."""
    wide = -(-kernel // stride) * stride
    if (wide - stride) % 2:
        wide += stride
    if (wide - stride) % 2:
        return None
    place = {"definition": leaf.frame.definition.name, "node": leaf.call.node.id}
    sizes = {"kernel_size": wide, "padding": (wide - stride) // 2}
    operations = tuple({"op": "set", **place, "param": name, "value": value} for name, value in sizes.items())
    return Fix(f"Set the kernel to {wide}", operations)


def _enlarged(params: dict[str, int], factor: int) -> examples.Document:
    return examples.convolutional(
        {
            "down": {
                "call": "Conv2d",
                "params": {"out_channels": 16, "kernel_size": factor, "stride": factor, "padding": 0},
            },
            "up": {"call": "ConvTranspose2d", "params": {"out_channels": 16, **params}},
        },
        [("h.out", "down.x"), ("down.out", "up.x")],
        "up.out",
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _enlarged({"kernel_size": 3, "stride": 2, "padding": 0}, 2)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _enlarged({"kernel_size": 4, "stride": 2, "padding": 1}, 2)
