"""A013: attention over many pixels in a U-Net."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic
from designer.dims import Dim
from designer.rules import Rule, RuleContext, examples
from designer.shapes.values import Tensor

RULE = Rule(
    code="A013",
    title="Attention at high resolution",
    severity="warning",
    family="advice",
    effect=0.01,
    what="Self-attention over more than 32×32 pixels at the size for which the design is meant.",
    why="Cost grows with the square of the tokens, and gradients become noisier (literature, not measured here).",
    example="Attention at 64×64 in a pixel-space U-Net.",
    instead="Place attention at 32×32 or below; ADM uses 32, 16 and 8.",
    article="9",
    reference="Dhariwal & Nichol 2021, arXiv:2105.05233",
)
LIMIT = 32 * 32


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Count the pixels at each attention node for the design's own sample shape."""
    shape = context.design.training.get("sample_shape")
    if not isinstance(shape, list) or len(shape) != 3:
        return
    point = {"B": 1, "H": shape[1], "W": shape[2]}
    for leaf in context.flow.tagged("attention"):
        value = leaf.call.inputs.get("x")
        if not isinstance(value, Tensor) or len(value.shape) != 4:  # tokens of a transformer are its choice
            continue
        height, width = value.shape[2:]
        if not (Dim.of(height).symbols | Dim.of(width).symbols) <= point.keys():
            continue
        tokens = Dim.of(height).evaluate(point) * Dim.of(width).evaluate(point)
        if tokens > LIMIT:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"attention over {tokens} pixels at sample size {shape[1]}×{shape[2]}; at most {LIMIT} is advised",
                leaf.place,
                received=str(tokens),
                expected=f"at most {LIMIT}",
                reference=RULE.article,
                path=leaf.path,
            )


def _attending(size: int) -> examples.Document:
    return examples.convolutional(
        {"attn": {"call": "SpatialSelfAttention"}},
        [("h.out", "attn.x")],
        "attn.out",
        training={"sample_shape": [3, size, size]},
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _attending(64)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _attending(32)
