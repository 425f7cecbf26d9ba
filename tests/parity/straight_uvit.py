"""U-ViT as its paper says, one function after another: no classes, no designer."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.parity.straight_dit import layer_norm, linear, softmax_attention

Weights = Mapping[str, Tensor]


def uvit(w: Weights, x: Tensor, t: Tensor, y: Tensor | None, depth: int, count: int, patch: int) -> Tensor:
    """Return the predicted noise of a U-ViT whose weights are named as the design names them."""
    batch, channels, height, width = x.shape
    patches = F.unfold(x, patch, stride=patch).transpose(1, 2)
    h = patches @ w["patch_embed.proj.weight"].flatten(1).T + w["patch_embed.proj.bias"]
    size = h.shape[-1]
    rates = torch.tensor([10000.0 ** (-k / (size // 2)) for k in range(size // 2)])
    angles = t[:, None] * rates
    h = torch.cat([torch.cat([angles.cos(), angles.sin()], dim=1)[:, None], h], dim=1)
    if y is not None:
        table = w["y_embedder.table.weight" if "y_embedder.table.weight" in w else "y_embedder.weight"]
        h = torch.cat([table[y][:, None], h], dim=1)
    h = h + w["position.table"]
    skips = []
    for i in range(depth // 2):
        h = block(w, f"in_blocks.{i}", h, count)
        skips.append(h)
    h = block(w, "mid_block", h, count)
    for i in range(depth // 2):
        h = linear(w, f"out_blocks.{i}.skip.linear", torch.cat([h, skips.pop()], dim=-1))
        h = block(w, f"out_blocks.{i}.block", h, count)
    h = linear(w, "decoder", layer_norm(h, w, "norm", eps=1e-5))[:, -patches.shape[1] :]
    h = h.reshape(batch, height // patch, width // patch, patch, patch, channels).permute(0, 5, 1, 3, 2, 4)
    h = h.reshape(batch, channels, height, width)
    if "final_conv.weight" in w:
        h = F.conv2d(h, w["final_conv.weight"], w["final_conv.bias"], padding=1)
    return h


def block(w: Weights, name: str, x: Tensor, count: int) -> Tensor:
    q, k, v = (layer_norm(x, w, f"{name}.norm1", eps=1e-5) @ w[f"{name}.attn.qkv.qkv.weight"].T).chunk(
        3, dim=-1
    )
    x = x + linear(w, f"{name}.attn.proj", softmax_attention(q, k, v, count))
    h = F.gelu(linear(w, f"{name}.mlp.fc1", layer_norm(x, w, f"{name}.norm2", eps=1e-5)))
    return x + linear(w, f"{name}.mlp.fc2", h)
