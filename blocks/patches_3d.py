"""Between videos and tokens: patches over frames, rows and columns, and the way back."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from designer.spec import BlockSpec, Constraint, Example, Param, Port, Stability

SPECS = (
    BlockSpec(
        name="PatchEmbed3D",
        title="Patch embedding (3D)",
        family="Video",
        tags=("embedding", "linear"),
        kind="module",
        target="PatchEmbed3D",
        summary="Cuts a video into patches over frames, rows and columns and maps each to a token.",
        glyph="▤",
        inputs=(Port("x", "map", "B in_channels T H W"),),
        outputs=(
            Port(
                "tokens",
                "tokens",
                "B (T//patch_size[0])*(H//patch_size[1])*(W//patch_size[2]) hidden_size",
            ),
        ),
        params=(
            Param(
                "in_channels", "int", inferred=True, minimum=1, positional=True, help="channels of the video"
            ),
            Param("hidden_size", "int", minimum=1, positional=True, help="features of a token"),
            Param(
                "patch_size",
                "list",
                [1, 2, 2],
                positional=True,
                omit=None,
                help="frames, rows and columns of a patch",
            ),
            Param("bias", "bool", True, help="add a learned constant per feature"),
        ),
        constraints=(
            Constraint(
                "T % patch_size[0] == 0", "{T} frames are not a multiple of the patch size {patch_size}"
            ),
            Constraint(
                "H % patch_size[1] == 0", "height {H} is not a multiple of the patch size {patch_size}"
            ),
            Constraint(
                "W % patch_size[2] == 0", "width {W} is not a multiple of the patch size {patch_size}"
            ),
        ),
        parameters=(
            "hidden_size*(in_channels*patch_size[0]*patch_size[1]*patch_size[2] + (1 if bias else 0))"
        ),
        state={"proj.weight": "hidden_size in_channels *patch_size", "proj.bias": "hidden_size if bias"},
        flops="2*in_channels*patch_size[0]*patch_size[1]*patch_size[2]*tokens_numel",
        saved=("x",),
        formula="token_n = W · patch_n + b",
        reference="Arnab et al. 2021, arXiv:2103.15691, section 3.2; Wan Team 2025, arXiv:2503.20314",
        article="2.4.2, 2.5.1",
        stability=Stability(
            "",
            "Xavier-uniform start over the flattened patch",
            gain="2*in_channels*patch_size[0]*patch_size[1]*patch_size[2]/(in_channels*patch_size[0]*patch_size[1]*patch_size[2] + hidden_size)",
        ),
        examples=(
            Example({"x": (2, 3, 2, 8, 4)}, {"hidden_size": 6}),
            Example({"x": (2, 3, 4, 4, 6)}, {"hidden_size": 6, "patch_size": [2, 2, 3], "bias": False}),
        ),
    ),
    BlockSpec(
        name="Unpatchify3D",
        title="Unpatchify (3D)",
        family="Video",
        tags=("reshape",),
        kind="function",
        target="unpatchify_3d",
        summary="Lays the features of each token out as its patch of the video.",
        glyph="▦",
        inputs=(
            Port(
                "tokens",
                "tokens",
                "B (T//patch_size[0])*(H//patch_size[1])*(W//patch_size[2]) "
                "patch_size[0]*patch_size[1]*patch_size[2]*out_channels",
            ),
            Port("like", "map", "B C T H W", help="the video that was cut into patches: gives the sizes"),
        ),
        outputs=(Port("out", "map", "B out_channels T H W"),),
        params=(
            Param("out_channels", "int", minimum=1, structural=True, help="channels of the video"),
            Param(
                "patch_size",
                "list",
                [1, 2, 2],
                positional=True,
                omit=None,
                help="frames, rows and columns of a patch",
            ),
        ),
        constraints=(
            Constraint(
                "T % patch_size[0] == 0", "{T} frames are not a multiple of the patch size {patch_size}"
            ),
            Constraint(
                "H % patch_size[1] == 0", "height {H} is not a multiple of the patch size {patch_size}"
            ),
            Constraint(
                "W % patch_size[2] == 0", "width {W} is not a multiple of the patch size {patch_size}"
            ),
        ),
        formula="[B, thw, p_t·p_h·p_w·C] → [B, C, t·p_t, h·p_h, w·p_w]",
        reference="Wan Team 2025, arXiv:2503.20314",
        article="2.4.2, 2.5.1",
        stability=Stability("", "a permutation; values pass unchanged", gain="1"),
        examples=(
            Example({"tokens": (2, 16, 12), "like": (2, 5, 2, 8, 4)}, {"out_channels": 3}),
            Example(
                {"tokens": (2, 8, 24), "like": (2, 5, 4, 4, 6)}, {"out_channels": 2, "patch_size": [2, 2, 3]}
            ),
        ),
    ),
)


class PatchEmbed3D(nn.Module):
    """Video to patch tokens: [B, C, T, H, W] → [B, (T/p_t)(H/p_h)(W/p_w), D] (Arnab et al. 2021)."""

    def __init__(
        self, in_channels: int, hidden_size: int, patch_size: Sequence[int], *, bias: bool = True
    ) -> None:
        super().__init__()
        frames, rows, columns = patch_size
        size = (frames, rows, columns)
        self.proj = nn.Conv3d(in_channels, hidden_size, size, stride=size, bias=bias)
        nn.init.xavier_uniform_(self.proj.weight.view(hidden_size, -1))
        if self.proj.bias is not None:
            nn.init.zeros_(self.proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(self.proj(x), 2).transpose(1, 2)


def unpatchify_3d(tokens: Tensor, like: Tensor, patch_size: Sequence[int]) -> Tensor:
    """Tokens [B, thw, p_t·p_h·p_w·C] of a video `like` [B, *, T, H, W] → video [B, C, T, H, W]."""
    p_t, p_h, p_w = patch_size
    grid = (like.shape[2] // p_t, like.shape[3] // p_h, like.shape[4] // p_w)
    x = torch.unflatten(
        torch.unflatten(tokens, 2, (p_t, p_h, p_w, -1)), 1, grid
    )  # [B, t, h, w, p_t, p_h, p_w, C]
    return x.permute(0, 7, 1, 4, 2, 5, 3, 6).flatten(6, 7).flatten(4, 5).flatten(2, 3)
