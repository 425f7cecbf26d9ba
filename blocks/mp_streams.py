"""Activation, sum, concatenation and modulation that keep the magnitude of what passes (EDM2)."""

import math

import torch
from torch import Tensor

from designer.spec import BlockSpec, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="MPSiLU",
        title="Magnitude-preserving SiLU",
        family="Magnitude-preserving",
        tags=("activation",),
        kind="expression",
        target="F.silu({x}) / 0.596",
        summary="SiLU divided by the root mean square of its output for unit Gaussian input.",
        glyph="ʃ",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "same:x", "*S"),),
        saved=("x",),
        work="x_numel",
        formula="y = silu(x)/0.596",
        reference="Karras et al. 2023, arXiv:2312.02696, equation 81",
        article="2.2.5",
        stability=Stability("shrinking activations over depth", "unit second moment for unit Gaussian input", gain="1"),
        examples=(Example({"x": (2, 3, 4)}, {}),),
    ),
    BlockSpec(
        name="MPSum",
        title="Magnitude-preserving sum",
        family="Magnitude-preserving",
        tags=("add", "normalized_add"),
        kind="function",
        target="mp_sum",
        summary="Blends two streams by t and divides by the norm of the weights.",
        glyph="+",
        inputs=(Port("a", "any", "*S"), Port("b", "any", "*S")),
        outputs=(Port("out", "same:a", "*S"),),
        params=(Param("t", "float", 0.5, minimum=0.0, maximum=1.0, help="weight of the second stream"),),
        work="a_numel",
        formula="y = ((1 − t) a + t b)/√((1 − t)² + t²)",
        reference="Karras et al. 2023, arXiv:2312.02696, equation 88",
        article="5.2, 7, 10.2",
        stability=Stability("growth of the residual stream over depth", "independent unit streams give a unit sum", weights={"a": "(1 - t)/sqrt((1 - t)**2 + t**2)", "b": "t/sqrt((1 - t)**2 + t**2)"}),
        examples=(Example({"a": (2, 3, 4, 5), "b": (2, 3, 4, 5)}, {"t": 0.3}), Example({"a": (2, 3), "b": (2, 3)}, {})),
    ),
    BlockSpec(
        name="MPConcat",
        title="Magnitude-preserving concatenation",
        family="Magnitude-preserving",
        tags=("concat", "fusion"),
        kind="function",
        target="mp_concat",
        summary="Joins two maps along the channels with a chosen share t of the magnitude for the second.",
        glyph="⧺",
        inputs=(Port("a", "map", "B a_channels H W"), Port("b", "map", "B b_channels H W")),
        outputs=(Port("out", "map", "B a_channels+b_channels H W"),),
        params=(Param("t", "float", 0.5, minimum=0.0, maximum=1.0, help="share of the second map"),),
        work="out_numel",
        formula="y = √((N_a+N_b)/((1−t)²+t²)) · [(1−t)/√N_a a; t/√N_b b]",
        reference="Karras et al. 2023, arXiv:2312.02696, equation 103",
        article="5.2, 7",
        stability=Stability(
            "one stream drowning the other where channels differ",
            "each input contributes by its share, whatever its number of channels; unit second moment",
            weights={
                "a": "sqrt((a_channels + b_channels)/a_channels/((1 - t)**2 + t**2))*(1 - t)",
                "b": "sqrt((a_channels + b_channels)/b_channels/((1 - t)**2 + t**2))*t",
            },
        ),
        examples=(Example({"a": (2, 3, 4, 5), "b": (2, 5, 4, 5)}, {}),),
    ),
    BlockSpec(
        name="ScaleChannels",
        title="Scale channels around one",
        family="Modulation",
        tags=("modulation",),
        kind="expression",
        target="{x} * ({scale}[:, :, None, None] + 1)",
        summary="Multiplies each channel of a map by one plus its scale.",
        glyph="◑",
        inputs=(Port("x", "map", "B channels H W"), Port("scale", "vector", "B channels")),
        outputs=(Port("out", "map", "B channels H W"),),
        saved=("x if scale", "scale_numel"),
        formula="y = x ⊙ (1 + s)",
        reference="Karras et al. 2023, arXiv:2312.02696, section 2.3",
        article="2.2.5",
        stability=Stability("", "no shift, so that magnitudes stay known; the identity at s = 0"),
        examples=(Example({"x": (2, 3, 4, 5), "scale": (2, 3)}, {}),),
    ),
    BlockSpec(
        name="AppendOnes",
        title="Append a channel of ones",
        family="Magnitude-preserving",
        tags=("reshape",),
        kind="expression",
        target="torch.cat([{x}, torch.ones_like({x}[:, :1])], dim=1)",
        summary="Adds a constant channel, which lets layers without bias have one.",
        glyph="①",
        inputs=(Port("x", "map", "B C H W"),),
        outputs=(Port("out", "map", "B C+1 H W"),),
        work="out_numel/4",
        formula="y = [x; 1]",
        reference="Karras et al. 2023, arXiv:2312.02696, section 2.2",
        article="2.2.5",
        stability=Stability("", "replaces all biases by one input of known magnitude"),
        examples=(Example({"x": (2, 3, 4, 5)}, {}),),
    ),
)  # fmt: skip


def mp_sum(a: Tensor, b: Tensor, *, t: float = 0.5) -> Tensor:
    """Blend two tensors of one shape, unit magnitudes in and out (Karras et al. 2023, equation 88)."""
    return torch.lerp(a, b, t) / math.sqrt((1 - t) ** 2 + t**2)


def mp_concat(a: Tensor, b: Tensor, *, t: float = 0.5) -> Tensor:
    """Join maps along the channels, unit magnitudes in and out (Karras et al. 2023, equation 103)."""
    scale = math.sqrt((a.shape[1] + b.shape[1]) / ((1 - t) ** 2 + t**2))
    weight_a, weight_b = (1 - t) / math.sqrt(a.shape[1]), t / math.sqrt(b.shape[1])
    return torch.cat([scale * weight_a * a, scale * weight_b * b], dim=1)
