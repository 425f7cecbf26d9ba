"""Halving and doubling a grid of tokens, and the skip between: the hourglass of HDiT."""

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="TokenMerge",
        title="Token merging",
        family="Resampling",
        kind="module",
        target="TokenMerge",
        summary="Projects the tokens of each square to one token.",
        tags=("downsample", "linear"),
        glyph="▾",
        inputs=(Port("x", "map", "B in_channels H W"),),
        outputs=(Port("out", "map", "B out_channels H//patch_size W//patch_size"),),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="features of a token"
            ),
            Param("out_channels", "int", minimum=1, positional=True, help="features of a merged token"),
            Param("patch_size", "int", 2, minimum=1, maximum=64, unit="tokens", help="side of a square"),
        ),
        constraints=(
            Constraint(
                "H % patch_size == 0", "height {H} is not a multiple of the square's side, {patch_size}"
            ),
            Constraint(
                "W % patch_size == 0", "width {W} is not a multiple of the square's side, {patch_size}"
            ),
        ),
        parameters="out_channels*in_channels*patch_size**2",
        state={"proj.weight": "out_channels in_channels patch_size patch_size"},
        flops="2*in_channels*patch_size**2*out_numel",
        saved=("x",),
        formula="y = W [x₁; …; x_p²], without bias",
        reference="Crowson et al. 2024, arXiv:2401.11605",
        article="2.4.3, 9",
        stability=Stability("", "linear and exact: no token is dropped, as pooling would", gain="1/3"),
        examples=(
            Example({"x": (2, 3, 4, 6)}, {"out_channels": 5}),
            Example({"x": (2, 3, 8, 4)}, {"out_channels": 5, "patch_size": 4}),
        ),
    ),
    BlockSpec(
        name="TokenSplit",
        title="Token splitting",
        family="Resampling",
        kind="module",
        target="TokenSplit",
        summary="Projects each token to the tokens of a square.",
        tags=("upsample", "linear"),
        glyph="▴",
        inputs=(Port("x", "map", "B in_channels H W"),),
        outputs=(Port("out", "map", "B out_channels H*patch_size W*patch_size"),),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="features of a token"
            ),
            Param("out_channels", "int", minimum=1, positional=True, help="features of a split token"),
            Param("patch_size", "int", 2, minimum=1, maximum=64, unit="tokens", help="side of a square"),
            Param(
                "init",
                "str",
                "default",
                choices=("default", "zero"),
                structural=True,
                help="weights at start",
            ),
        ),
        parameters="out_channels*in_channels*patch_size**2",
        state={"proj.weight": "in_channels out_channels patch_size patch_size"},
        flops="2*out_channels*patch_size**2*x_numel",
        saved=("x",),
        formula="[y₁; …; y_p²] = W x, without bias",
        reference="Crowson et al. 2024, arXiv:2401.11605",
        article="2.4.3, 9",
        stability=Stability(
            "",
            "squares do not overlap, so there is no checkerboard of unequal sums",
            gain="in_channels/(3*out_channels*patch_size**2)",
        ),
        initialize={"zero": "nn.init.zeros_({self}.proj.weight)"},
        examples=(
            Example({"x": (2, 5, 3, 2)}, {"out_channels": 4}),
            Example({"x": (2, 5, 2, 1)}, {"out_channels": 3, "patch_size": 4, "init": "zero"}),
        ),
    ),
    BlockSpec(
        name="LearnedLerp",
        title="Learned interpolation of skip and trunk",
        family="Fusion",
        kind="module",
        target="LearnedLerp",
        summary="Interpolates between skip and trunk by one learned weight, one half at start.",
        tags=("fusion", "add"),
        glyph="⊕",
        inputs=(Port("a", "any", "*S", help="the trunk"), Port("b", "any", "*S", help="the skip")),
        outputs=(Port("out", "same:a", "*S"),),
        parameters="1",
        state={"weight": "1"},
        saved=("a", "b"),
        formula="y = b + f (a − b), f = ½ at start",
        reference="Crowson et al. 2024, arXiv:2401.11605",
        article="5.2, 7",
        stability=Stability(
            "the sum of trunk and skip",
            "weights f and 1 − f sum to 1: equal streams keep their scale, independent ones shrink to half",
            weights={"a": "1/2", "b": "1/2"},
        ),
        examples=(Example({"a": (2, 3, 4, 4), "b": (2, 3, 4, 4)}, {}),),
    ),
)


class TokenMerge(nn.Module):
    """Merge p × p tokens: [B, C, H, W] → [B, D, H / p, W / p] (Crowson et al. 2024)."""

    def __init__(self, in_channels: int, out_channels: int, *, patch_size: int = 2) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, out_channels, patch_size, stride=patch_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x)
        return x


class TokenSplit(nn.Module):
    """Split each token into p × p: [B, D, H, W] → [B, C, p·H, p·W] (Crowson et al. 2024)."""

    def __init__(self, in_channels: int, out_channels: int, *, patch_size: int = 2) -> None:
        super().__init__()
        self.proj = nn.ConvTranspose2d(in_channels, out_channels, patch_size, stride=patch_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.proj(x)
        return x


class LearnedLerp(nn.Module):
    """Interpolate from skip b to trunk a, of one shape, by a learned weight (Crowson et al. 2024)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((1,), 0.5))

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.lerp(b, a, self.weight)
