"""Small diffusion transformers as a rendering would hold them, sound ones and ones with a known fault."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class TimestepEmbedder(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))

    def forward(self, t: Tensor) -> Tensor:
        frequencies = torch.exp(-math.log(10000) * torch.arange(32, device=t.device) / 32)
        angles = t[:, None] * frequencies
        return self.mlp(torch.cat([angles.cos(), angles.sin()], dim=1))


class Attention(nn.Module):
    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(
            functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, width)
        )


class MLP(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    """A block whose norm is before the branch ("pre"), after the sum ("post") or absent ("none")."""

    def __init__(self, width: int, placement: str, scale: float) -> None:
        super().__init__()
        self.placement = placement
        self.scale = scale
        self.attn = Attention(width)
        self.mlp = MLP(width)
        if placement != "none":
            self.norm1 = nn.LayerNorm(width)
            self.norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        if self.placement == "pre":
            x = x + self.scale * self.attn(self.norm1(x) + c[:, None])
            return x + self.scale * self.mlp(self.norm2(x))
        if self.placement == "post":
            x = self.norm1(x + self.attn(x + c[:, None]))
            return self.norm2(x + self.mlp(x))
        x = x + self.scale * self.attn(x + c[:, None])
        return x + self.scale * self.mlp(x)


class ZeroBlock(nn.Module):
    """adaLN-Zero; with `double` the last layer of each branch is zero as well, so that the branch is dead."""

    def __init__(self, width: int, double: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.attn = Attention(width)
        self.mlp = MLP(width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        if double:
            for layer in (self.attn.proj, self.mlp.fc2):
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(functional.silu(c))[:, None].chunk(
            6, dim=2
        )
        x = x + gate1 * self.attn(self.norm1(x) * (1 + scale1) + shift1)
        return x + gate2 * self.mlp(self.norm2(x) * (1 + scale2) + shift2)


class Transformer(nn.Module):
    """Patches of 2 of 1×16×16 images, a learned position, blocks, a linear head."""

    def __init__(self, blocks: list[nn.Module], width: int = 48) -> None:
        super().__init__()
        self.embed = nn.Conv2d(1, width, 2, 2)
        self.position = nn.Parameter(torch.randn(1, 64, width) * 0.02)
        self.time = TimestepEmbedder(width)
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 4)
        # as in DiT: Xavier for every linear layer, whose branches are then as loud as the trunk
        for layer in self.modules():
            if isinstance(layer, nn.Linear) and layer.weight.any():
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        tokens = self.embed(x).flatten(2).transpose(1, 2) + self.position
        c = self.time(t)
        for block in self.blocks:
            tokens = block(tokens, c)
        return functional.pixel_shuffle(self.head(self.norm(tokens)).transpose(1, 2).unflatten(2, (8, 8)), 2)


class NoFinalNorm(Transformer):
    """As Transformer, without the norm before the head."""

    def __init__(self, blocks: list[nn.Module]) -> None:
        super().__init__(blocks)
        self.norm = nn.Identity()


def stack(depth: int, placement: str, scale: float = 1.0) -> list[nn.Module]:
    return [Block(48, placement, scale) for _ in range(depth)]


class PreNorm24(Transformer):
    def __init__(self) -> None:
        super().__init__(stack(24, "pre"))


class PostNorm24(NoFinalNorm):
    def __init__(self) -> None:
        super().__init__(stack(24, "post"))


class PostNorm4(NoFinalNorm):
    def __init__(self) -> None:
        super().__init__(stack(4, "post"))


class NoNorm24(NoFinalNorm):
    def __init__(self) -> None:
        super().__init__(stack(24, "none"))


class NoNorm48(NoFinalNorm):
    def __init__(self) -> None:
        super().__init__(stack(48, "none"))


class NoNorm48Scaled(NoFinalNorm):
    def __init__(self) -> None:
        super().__init__(stack(48, "none", 1 / math.sqrt(96)))


class PreNorm2(Transformer):
    def __init__(self) -> None:
        super().__init__(stack(2, "pre"))


class AdaLNZero4(Transformer):
    def __init__(self) -> None:
        super().__init__([ZeroBlock(48) for _ in range(4)])


class DoubleZero4(Transformer):
    def __init__(self) -> None:
        super().__init__([ZeroBlock(48, double=True) for _ in range(4)])


class Explodes(PreNorm2):
    """Its second block returns infinity from the fourth forward pass on."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks[1].mlp = ExplodingMLP(48)


class ExplodingMLP(MLP):
    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) * (math.inf if self.calls > 3 else 1.0)


class Raises(PreNorm2):
    """Its first block's attention raises."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks[0].attn = RaisingAttention(48)


class RaisingAttention(Attention):
    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("heads do not fit")


class Hungry(PreNorm2):
    """Asks for 64 GB in its forward pass."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return super().forward(x, t) + torch.ones(16, 2**30).sum()


class Exits(PreNorm2):
    """Ends the process without a word."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        import os

        os._exit(9)


class Slow(PreNorm2):
    """Takes a twentieth of a second more than it needs, so that a run can be stopped in its midst."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        import time

        time.sleep(0.05)
        return super().forward(x, t)
