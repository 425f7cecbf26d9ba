"""Space to depth and pooling, as adapters bring a control map to the size of the latent."""

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="PixelUnshuffle",
        title="Pixel unshuffle",
        family="Resampling",
        tags=("downsample", "reshape"),
        kind="expression",
        target="F.pixel_unshuffle({x}, {factor})",
        summary="Moves each square of pixels into the channels: a smaller map that loses nothing.",
        glyph="⧉",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels*factor*factor H//factor W//factor"),),
        params=(
            Param(
                "factor",
                "int",
                8,
                minimum=1,
                maximum=64,
                unit="pixels",
                positional=True,
                omit=None,
                help="side of a square",
            ),
        ),
        constraints=(
            Constraint("H % factor == 0", "height {H} is not a multiple of {factor}"),
            Constraint("W % factor == 0", "width {W} is not a multiple of {factor}"),
        ),
        formula="[B, C, rH, rW] → [B, C·r², H, W]",
        reference="Shi et al. 2016, arXiv:1609.05158; Mou et al. 2023, arXiv:2302.08453",
        article="8",
        stability=Stability("", "moves values, changes none", gain="1"),
        examples=(Example({"x": (2, 3, 4, 8)}, {"factor": 2}),),
    ),
    BlockSpec(
        name="AvgPool2dCeil",
        title="Average pooling, borders kept",
        family="Resampling",
        tags=("downsample", "lowpass", "pool"),
        kind="expression",
        target="F.avg_pool2d({x}, 2, ceil_mode=True)",
        summary="The mean of each square of 2×2 pixels; a last odd row or column is averaged with itself.",
        glyph="▾",
        inputs=(Port("x", "map", "B channels H W"),),
        outputs=(Port("out", "map", "B channels (H+1)//2 (W+1)//2"),),
        saved=("x",),
        formula="y = mean₂ₓ₂(x)",
        reference="Mou et al. 2023, arXiv:2302.08453",
        article="8, 9",
        stability=Stability(
            "", "a low-pass filter before subsampling: less aliasing than a strided convolution"
        ),
        examples=(Example({"x": (2, 3, 4, 5)}, {}), Example({"x": (2, 3, 6, 8)}, {})),
    ),
)
