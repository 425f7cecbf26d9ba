"""Rotary positions with an angle for each feature, as models take them that let the caller choose the positions."""

import torch
from torch import Tensor

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="ScaledRotary2D",
        title="Scaled rotary positions (2D)",
        family="Tokens",
        tags=("position",),
        kind="function",
        target="scaled_rotary_2d",
        summary="Angles of row and column, stretched so that the longer side of every map spans the base grid.",
        glyph="↻",
        inputs=(Port("like", "map", "B C H W", help="the map that was cut into patches"),),
        outputs=(
            Port("cos", "rotary", "(H//patch_size)*(W//patch_size) head_size"),
            Port("sin", "rotary", "(H//patch_size)*(W//patch_size) head_size"),
        ),
        params=(
            Param("head_size", "int", minimum=4, positional=True, help="features of a head; a multiple of 4"),
            Param("patch_size", "int", 2, minimum=1, positional=True, omit=None, help="side of a patch"),
            Param(
                "base_size",
                "int",
                32,
                minimum=1,
                unit="patches",
                positional=True,
                omit=None,
                help="rows and columns that the positions span",
            ),
        ),
        constraints=(
            Constraint(
                "head_size % 4 == 0",
                "head_size {head_size} is not a multiple of 4: half of it turns with the row, half with the column, in pairs",
            ),
        ),
        formula="angle(r, k) = (r + (n_max − n)/2) · base/n_max · 10⁴^(−4k/d)",
        reference="Li et al. 2024, arXiv:2405.08748, section 2.1; Su et al. 2021, arXiv:2104.09864",
        article="2.4.2",
        stability=Stability(
            "", "a network meets known positions at another resolution or aspect ratio", bounded=True
        ),
        examples=(
            Example({"like": (2, 3, 8, 8)}, {"head_size": 8, "base_size": 4}),
            Example({"like": (2, 3, 3, 4)}, {"head_size": 4, "patch_size": 1}),
        ),
    ),
    BlockSpec(
        name="RotateFeatures",
        title="Rotate by given angles",
        family="Attention",
        tags=("position",),
        kind="function",
        target="rotate_features",
        summary="Rotates pairs of neighbouring features of queries or keys; cosine and sine are given for each feature.",
        glyph="↻",
        inputs=(
            Port("x", "heads", "B heads N head_size"),
            Port("cos", "rotary", "N head_size"),
            Port("sin", "rotary", "N head_size"),
        ),
        outputs=(Port("out", "heads", "B heads N head_size"),),
        constraints=(
            Constraint("head_size % 2 == 0", "head_size {head_size} is odd; features are rotated in pairs"),
        ),
        saved=("x if cos", "cos if x", "sin if x", "x_numel if sin"),
        work="2*x_numel",
        formula="x ← x cos + (−x_2k+1, x_2k) sin",
        reference="Su et al. 2021, arXiv:2104.09864",
        article="2.4.2, 12.1",
        stability=Stability(
            "", "a rotation: norms, and so the scale of the logits, stay as they are", gain="1"
        ),
        examples=(Example({"x": (2, 3, 5, 4), "cos": (5, 4), "sin": (5, 4)}, {}),),
    ),
    BlockSpec(
        name="RotaryInput",
        title="Cosines and sines from outside",
        family="Tokens",
        tags=("reshape",),
        kind="function",
        target="rotary_input",
        summary="Takes a list of two tensors apart: the cosines and the sines of rotary positions.",
        glyph="⫶",
        inputs=(Port("pair", "rotary", "N head_size", stack=True),),
        outputs=(Port("cos", "rotary", "N head_size"), Port("sin", "rotary", "N head_size")),
        formula="cos, sin = pair",
        reference="Li et al. 2024, arXiv:2405.08748",
        article="2.4.2",
        stability=Stability("", "values pass unchanged", gain="1"),
    ),
)


def scaled_rotary_2d(like: Tensor, head_size: int, patch_size: int, base_size: int) -> tuple[Tensor, Tensor]:
    """Rotary positions of the patches of a map [B, C, H, W] → cos, sin [hw, d] (Li et al. 2024)."""
    height, width = like.shape[-2] // patch_size, like.shape[-1] // patch_size
    longest: int = torch.sym_max(height, width)  # type: ignore[no-untyped-call]
    exponent = torch.arange(0, head_size // 2, 2, dtype=torch.float32, device=like.device) / (head_size // 2)
    omega = 10000.0**-exponent

    def axis(length: int) -> Tensor:
        places = torch.arange(length, dtype=torch.float32, device=like.device)
        return ((places + (longest - length) / 2) * (base_size / longest))[:, None] * omega  # [length, d / 4]

    rows = axis(height)[:, None].expand(-1, width, -1)
    columns = axis(width)[None].expand(height, -1, -1)
    angles = torch.cat([columns, rows], dim=-1).flatten(0, 1).repeat_interleave(2, dim=1)
    return angles.cos(), angles.sin()


def rotate_features(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate pairs of features of queries or keys: x [B, heads, N, d], cos and sin [N, d] (Su et al. 2021)."""
    first, second = torch.unflatten(x, -1, (-1, 2)).unbind(-1)
    return (x * cos + torch.stack([-second, first], dim=-1).flatten(-2) * sin).type_as(x)


def rotary_input(pair: list[Tensor]) -> tuple[Tensor, Tensor]:
    """The cosines and the sines of a list of two: 2 × [N, d] → [N, d], [N, d]."""
    return pair[0], pair[1]
