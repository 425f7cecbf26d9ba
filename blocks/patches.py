"""Between maps and tokens: patch embedding, positions, and the way back."""

import math

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="PatchEmbed",
        title="Patch embedding",
        family="Tokens",
        tags=("embedding", "linear"),
        kind="module",
        target="PatchEmbed",
        summary="Cuts a map into patches and maps each to a token.",
        glyph="▤",
        inputs=(Port("x", "map", "B in_channels H W"),),
        outputs=(Port("tokens", "tokens", "B (H//patch_size)*(W//patch_size) hidden_size"),),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the map"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of a token"),
            Param(
                "patch_size",
                "int",
                2,
                minimum=1,
                maximum=64,
                unit="pixels",
                positional=True,
                omit=None,
                help="side of a patch",
            ),
        ),
        constraints=(
            Constraint("H % patch_size == 0", "height {H} is not a multiple of the patch size {patch_size}"),
            Constraint("W % patch_size == 0", "width {W} is not a multiple of the patch size {patch_size}"),
        ),
        parameters="hidden_size*(in_channels*patch_size**2 + 1)",
        state={"proj.weight": "hidden_size in_channels patch_size patch_size", "proj.bias": "hidden_size"},
        flops="2*in_channels*patch_size**2*tokens_numel",
        saved=("x",),
        formula="token_n = W · patch_n + b",
        reference="Dosovitskiy et al. 2021, arXiv:2010.11929; Peebles & Xie 2023, arXiv:2212.09748",
        article="2.4.2",
        stability=Stability(
            "",
            "Xavier-uniform start over the flattened patch",
            gain="2*in_channels*patch_size**2/(in_channels*patch_size**2 + hidden_size)",
        ),
        examples=(Example({"x": (2, 3, 8, 4)}, {"hidden_size": 6, "patch_size": 2}),),
    ),
    BlockSpec(
        name="SinCosPosition",
        title="Sine-cosine positions (2D)",
        family="Tokens",
        tags=("position",),
        kind="module",
        target="SinCosPosition",
        summary="Adds fixed sine-cosine embeddings of the row and column of each patch.",
        glyph="⌗",
        inputs=(
            Port("tokens", "tokens", "B N hidden_size"),
            Port("like", "map", "B C H W", help="the map that was cut into patches"),
        ),
        outputs=(Port("out", "tokens", "B N hidden_size"),),
        params=(
            Param(
                "hidden_size", "int", inferred=True, minimum=4, positional=True, help="features of a token"
            ),
            Param(
                "grid_size",
                "int",
                16,
                minimum=1,
                maximum=512,
                unit="patches",
                positional=True,
                omit=None,
                help="largest rows or columns",
            ),
            Param(
                "patch_size",
                "int",
                2,
                minimum=1,
                maximum=64,
                unit="pixels",
                positional=True,
                omit=None,
                help="side of a patch",
            ),
        ),
        constraints=(
            Constraint(
                "hidden_size % 4 == 0",
                "hidden_size {hidden_size} is not a multiple of 4 (sine, cosine of row, column)",
            ),
            Constraint(
                "H//patch_size <= grid_size",
                "height {H} has more patches than the grid of positions, {grid_size}",
            ),
            Constraint(
                "W//patch_size <= grid_size",
                "width {W} has more patches than the grid of positions, {grid_size}",
            ),
            Constraint(
                "N == (H//patch_size)*(W//patch_size)",
                "{N} tokens are not the patches of a map {H}×{W} at patch size {patch_size}",
            ),
        ),
        parameters="grid_size**2*hidden_size",
        state={"table": "grid_size grid_size hidden_size"},
        frozen=True,
        work="tokens_numel/B",
        formula="h ← h + [sincos(column); sincos(row)]",
        reference="Peebles & Xie 2023, arXiv:2212.09748",
        article="2.4.2",
        stability=Stability(
            "",
            "fixed and bounded; smaller maps use the upper left corner of the same table",
            gain="1 + 1/(2*q)",
            bounded=True,
        ),
        examples=(Example({"tokens": (2, 8, 8), "like": (2, 3, 8, 4)}, {"grid_size": 5}),),
    ),
    BlockSpec(
        name="Unpatchify",
        title="Unpatchify",
        family="Tokens",
        tags=("reshape",),
        kind="function",
        target="unpatchify",
        summary="Lays the features of each token out as its patch of the map.",
        glyph="▦",
        inputs=(
            Port("tokens", "tokens", "B (H//patch_size)*(W//patch_size) patch_size*patch_size*out_channels"),
            Port("like", "map", "B C H W", help="the map that was cut into patches: gives height and width"),
        ),
        outputs=(Port("out", "map", "B out_channels H W"),),
        params=(
            Param("out_channels", "int", minimum=1, structural=True, help="channels of the map"),
            Param(
                "patch_size",
                "int",
                2,
                minimum=1,
                maximum=64,
                unit="pixels",
                positional=True,
                omit=None,
                help="side of a patch",
            ),
        ),
        constraints=(
            Constraint("H % patch_size == 0", "height {H} is not a multiple of the patch size {patch_size}"),
            Constraint("W % patch_size == 0", "width {W} is not a multiple of the patch size {patch_size}"),
        ),
        formula="[B, hw, p·p·C] → [B, C, h·p, w·p]",
        reference="Peebles & Xie 2023, arXiv:2212.09748",
        article="2.4.2",
        stability=Stability("", "a permutation; values pass unchanged", gain="1"),
        examples=(Example({"tokens": (2, 8, 12), "like": (2, 5, 8, 4)}, {"out_channels": 3}),),
    ),
)


class PatchEmbed(nn.Module):
    """Image to patch tokens: [B, C, H, W] → [B, (H/p)(W/p), D] (Dosovitskiy et al. 2021)."""

    def __init__(self, in_channels: int, hidden_size: int, patch_size: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, hidden_size, patch_size, stride=patch_size)
        nn.init.xavier_uniform_(self.proj.weight.view(hidden_size, -1))
        nn.init.zeros_(self.proj.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.proj(x), 2).transpose(1, 2)


class SinCosPosition(nn.Module):
    """Add fixed 2-D positions: tokens [B, hw, D] of a map [B, C, H, W] → [B, hw, D] (Peebles & Xie 2023)."""

    def __init__(self, hidden_size: int, grid_size: int, patch_size: int) -> None:
        super().__init__()
        self.patch_size = patch_size
        omega = torch.exp(
            -math.log(10000.0) * torch.arange(hidden_size // 4, dtype=torch.float64) / (hidden_size // 4)
        )
        angles = torch.arange(grid_size, dtype=torch.float64)[:, None] * omega[None]
        axis = torch.cat([angles.sin(), angles.cos()], dim=1).float()  # [grid, D / 2]
        columns = axis[None, :, :].expand(grid_size, grid_size, -1)
        rows = axis[:, None, :].expand(grid_size, grid_size, -1)
        # A frozen parameter, as published: it belongs to the state dict and to the parameter count.
        self.table = nn.Parameter(torch.cat([columns, rows], dim=-1), requires_grad=False)

    def forward(self, tokens: Tensor, like: Tensor) -> Tensor:
        height, width = like.shape[-2] // self.patch_size, like.shape[-1] // self.patch_size
        return tokens + self.table[:height, :width].flatten(0, 1)


def unpatchify(tokens: Tensor, like: Tensor, patch_size: int) -> Tensor:
    """Tokens [B, hw, p·p·C] of a map `like` [B, *, H, W] → map [B, C, H, W]."""
    height, width = like.shape[-2] // patch_size, like.shape[-1] // patch_size
    x = torch.unflatten(tokens, 2, (patch_size, patch_size, -1))
    x = torch.unflatten(x, 1, (height, width))  # [B, h, w, p, p, C]
    return x.permute(0, 5, 1, 3, 2, 4).flatten(4, 5).flatten(2, 3)
