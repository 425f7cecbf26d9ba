"""Networks as a researcher writes them, to be imported through torch.export and ONNX."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.einsum("bhid,bhjd->bhij", q, k) * (width // self.heads) ** -0.5
        return self.proj((weights.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, width))


class Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.ada = nn.Sequential(nn.SiLU(), nn.Linear(width, 3 * width))
        self.gamma = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: Tensor, c: Tensor) -> Tensor:
        shift, scale, gate = self.ada(c).chunk(3, dim=1)
        h = self.norm1(x) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)
        x = x + gate.unsqueeze(1) * self.attn(h)
        return x + self.gamma * self.mlp(self.norm2(x))


class Transformer(nn.Module):
    """A small diffusion transformer with a repeated block, a learned table and a class embedding."""

    def __init__(self, width: int = 32, depth: int = 3, heads: int = 4) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, 4, 4)
        self.pos = nn.Parameter(0.02 * torch.randn(1, 16, width))
        self.cls = nn.Parameter(torch.randn(1, 1, width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.time = nn.Linear(64, width)
        self.label = nn.Embedding(10, width)
        self.head = nn.Linear(width, 48)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        frequencies = torch.exp(-torch.arange(32) / 32 * 9.21)
        angles = t[:, None].float() * frequencies[None]
        c = self.time(torch.cat([angles.cos(), angles.sin()], dim=-1)) + self.label(y)
        h = self.patch(x).flatten(2).transpose(1, 2) + self.pos
        h = torch.cat([self.cls.expand(x.shape[0], -1, -1), h], dim=1)
        for block in self.blocks:
            h = block(h, c)
        h = self.head(h[:, 1:])
        return h.reshape(-1, 4, 4, 4, 4, 3).permute(0, 5, 1, 3, 2, 4).reshape(-1, 3, 16, 16)


def transformer() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The transformer and inputs for it."""
    torch.manual_seed(0)
    return Transformer(), (torch.randn(2, 3, 16, 16), torch.tensor([3.0, 700.0]), torch.tensor([1, 2]))


class ConvBlock(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(4, channels)
        self.conv = nn.Conv2d(channels, out, 3, padding=1)
        self.depthwise = nn.Conv2d(out, out, 3, padding=2, dilation=2, groups=out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.depthwise(self.conv(F.silu(self.norm(x))))


class Convolutional(nn.Module):
    """A small U-Net: pooling, one module called twice, upsampling, concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.down = ConvBlock(8, 8)
        self.up = ConvBlock(16, 8)
        self.out = nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.stem(x))
        low = self.down(self.down(F.avg_pool2d(h, 2)))
        low = low / (low.square().mean(dim=(2, 3), keepdim=True) + 1e-4).sqrt()
        up = F.interpolate(low, scale_factor=2, mode="nearest")
        return self.out(self.up(torch.cat([h, up], dim=1)))


class Normalised(nn.Module):
    """A network with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class Assorted(nn.Module):
    """Masks, angles in double precision, parts as long as another tensor, tensors written in turns, video."""

    def __init__(self) -> None:
        super().__init__()
        self.box = nn.Conv3d(3, 8, (1, 2, 2), (1, 2, 2))
        self.time = nn.Conv3d(8, 8, (3, 1, 1), padding=(1, 0, 0))
        self.up = nn.ConvTranspose2d(8, 8, 2, 2, bias=False)
        self.norm = nn.LayerNorm(8, bias=False)
        self.empty = nn.Parameter(torch.randn(8))
        self.register_buffer("rates", torch.rand(4, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, context: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.up(self.time(self.box(x)).mean(2)).flatten(2).transpose(1, 2)
        angles = torch.outer(t.double(), self.rates).cos().repeat_interleave(2, dim=1).float()
        context = torch.where(mask.bool()[..., None], context, self.empty)
        joined = torch.cat([context, self.norm(tokens)], dim=1) * angles[:, None]
        turned = torch.empty_like(joined)
        turned[..., 0::2] = -joined[..., 1::2]
        turned[..., 1::2] = joined[..., 0::2]
        return turned[:, context.shape[1] :], turned[:, : context.shape[1]]


def assorted() -> tuple[nn.Module, tuple[Tensor, ...]]:
    """The network and inputs for it."""
    torch.manual_seed(0)
    return Assorted(), assorted_inputs(2, 3, 8, 5)


def assorted_inputs(batch: int, frames: int, side: int, length: int) -> tuple[Tensor, ...]:
    """Inputs of any size."""
    mask = (torch.arange(length) < 3).float().expand(batch, length)
    return (
        torch.randn(batch, 3, frames, side, side + 4),
        torch.rand(batch),
        torch.randn(batch, length, 8),
        mask,
    )


class Sorted(nn.Module):
    """A network with an operator that no block stands for."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sort(self.fc(x), dim=-1)[0] + x


class Failing(nn.Module):
    """A network that runs on nothing."""

    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("never")


NUMBER = 3


def needs_argument(width: int) -> nn.Module:
    """A function that the importer cannot call."""
    return nn.Linear(width, width)
