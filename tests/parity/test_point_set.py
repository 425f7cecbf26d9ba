"""The Gaussian set transformer against a straight-line implementation of Point-E's network, and its symmetry."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from designer.presets import build
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize

WIDTH, DEPTH, HEADS = 64, 4, 4
Weights = dict[str, Tensor]


def layer(w: Weights, name: str, x: Tensor) -> Tensor:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def normalised(w: Weights, name: str, x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    unit = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    return unit * w[f"{name}.weight"] + w[f"{name}.bias"]


def mlp(w: Weights, name: str, x: Tensor) -> Tensor:
    return layer(w, f"{name}.fc2", F.gelu(layer(w, f"{name}.fc1", x)))


def attention(w: Weights, name: str, x: Tensor) -> Tensor:
    size = WIDTH // HEADS
    qkv = layer(w, f"{name}.qkv.qkv", x)
    heads = []
    for head in range(HEADS):
        q, k, v = (qkv[..., part * WIDTH + head * size :][..., :size] for part in range(3))
        heads.append(torch.softmax(q @ k.transpose(1, 2) / math.sqrt(size), dim=-1) @ v)
    return layer(w, f"{name}.proj", torch.cat(heads, dim=-1))


def point_e(w: Weights, x: Tensor, t: Tensor) -> Tensor:
    """Nichol et al. 2022: time as a token in front of the points, pre-norm blocks, no positions."""
    frequencies = torch.exp(-math.log(10000) * torch.arange(WIDTH // 2) / (WIDTH // 2))
    angles = t[:, None] * frequencies
    time = mlp(w, "t_mlp", torch.cat([angles.cos(), angles.sin()], dim=1))
    h = torch.cat([time[:, None], layer(w, "embed", x.permute(0, 2, 1))], dim=1)
    h = normalised(w, "norm_in", h)
    for index in range(DEPTH):
        block = f"blocks.{index}"
        h = h + attention(w, f"{block}.attn", normalised(w, f"{block}.norm1", h))
        h = h + mlp(w, f"{block}.mlp", normalised(w, f"{block}.norm2", h))
    return layer(w, "proj", normalised(w, "norm_out", h)[:, 1:]).permute(0, 2, 1)


def test_same_output_as_the_published_network() -> None:
    torch.manual_seed(0)
    model = randomize(load_model(render(build("gaussian-set-tiny")))().eval())
    x, t = torch.randn(2, 14, 9), torch.tensor([3.0, 800.0])
    with torch.no_grad():
        found, wanted = model(x, t), point_e(model.state_dict(), x, t)
    assert difference([found], [wanted]) < TOLERANCE


def test_output_follows_the_order_of_the_points() -> None:
    torch.manual_seed(0)
    model = randomize(load_model(render(build("gaussian-set-tiny")))().eval())
    x, t, order = torch.randn(2, 14, 9), torch.tensor([3.0, 800.0]), torch.randperm(9)
    with torch.no_grad():
        found, wanted = model(x[..., order], t), model(x, t)[..., order]
    assert difference([found], [wanted]) < TOLERANCE
