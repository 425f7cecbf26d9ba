"""A stream times its weight, whatever the granularity of the weight."""

from designer.spec import BlockSpec, Example, Gate, Port, Stability

SPECS = (
    BlockSpec(
        name="Weigh",
        title="Weigh a stream",
        family="Gate",
        tags=("gating",),
        kind="expression",
        target="{w} * {x}",
        summary="Multiplies a stream by a weight for each sample, channel, pixel, token or element.",
        glyph="⊙",
        inputs=(Port("x", "any", "*S"), Port("w", "gate", "~S")),
        outputs=(Port("out", "same:x", "*S"),),
        saved=("x if w", "w if x"),
        formula="y = w ⊙ x",
        reference="Srivastava et al. 2015, arXiv:1505.00387",
        article="5.1, 5.3",
        stability=Stability(
            "the amplitude of a stream and of its gradient",
            "both are multiplied by w: a scalar is the safest granularity, a full gate the riskiest",
        ),
        examples=(
            Example({"x": (2, 3, 4, 4), "w": (2, 1, 1, 1)}, {}),
            Example({"x": (2, 3, 4, 4), "w": (2, 3, 1, 1)}, {}),
            Example({"x": (2, 3, 4, 4), "w": (2, 1, 4, 4)}, {}),
            Example({"x": (2, 5, 6), "w": (2, 5, 1)}, {}),
        ),
    ),
    BlockSpec(
        name="SmoothMask",
        title="Smooth a spatial gate",
        family="Gate",
        tags=("gate", "lowpass"),
        gate=Gate(),
        kind="expression",
        target="F.avg_pool2d({x}, 3, stride=1, padding=1, count_include_pad=False)",
        summary="Averages a spatial or full gate over 3×3 pixels.",
        glyph="▒",
        inputs=(Port("x", "gate", "B C H W"),),
        outputs=(Port("out", "gate", "B C H W"),),
        saved=("x",),
        formula="w ← mean of w over 3×3 pixels",
        reference="Zhang 2019, arXiv:1904.11486 (low-pass before resampling)",
        article="5.3",
        stability=Stability(
            "sharp masks", "a mean: keeps the bounds of the gate and limits its spatial slope"
        ),
        examples=(Example({"x": (2, 1, 5, 4)}, {}),),
    ),
)
