"""The sigmoid approximation of GELU."""

from torch import Tensor

from designer.spec import BlockSpec, Example, Port, Stability

SPEC = BlockSpec(
    name="QuickGELU",
    title="GELU by a sigmoid",
    family="Activation",
    tags=("activation",),
    kind="function",
    target="quick_gelu",
    summary="x · sigmoid(1.702 x), the GELU of CLIP.",
    glyph="ʃ",
    inputs=(Port("x", "any", "*S"),),
    outputs=(Port("out", "same:x", "*S"),),
    saved=("x", "x_numel"),
    formula="y = x · σ(1.702 x)",
    reference="Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2",
    article="12.2",
    stability=Stability("", "smooth, non-saturating for x > 0"),
    examples=(Example({"x": (2, 3, 4)}, {}),),
)


def quick_gelu(x: Tensor) -> Tensor:
    """x · σ(1.702 x) on every element (Hendrycks & Gimpel 2016)."""
    return x * (1.702 * x).sigmoid()
