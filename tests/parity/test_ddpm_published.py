"""The DDPM U-Net presets against diffusers' UNet2DModel with the same weights, keys mapped by hand here."""

import re
from typing import Any

import pytest
import torch
from diffusers import UNet2DModel
from torch import Tensor, nn

from designer.presets import build
from designer.presets.ddpm import PRESETS
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, difference, randomize

LEVELS = {  # preset → channel multipliers, levels with attention
    "ddpm-tiny": ((1, 2, 2), (1, 2)),
    "ddpm-cifar10": ((1, 2, 2, 2), (1,)),
    "ddpm-celebahq-256": ((1, 1, 2, 2, 4, 4), (4,)),
}
COUNTS = {"ddpm-cifar10": 35_746_307, "ddpm-celebahq-256": 113_673_219}
NAMES = {
    "conv1": "conv1", "conv2": "conv2", "norm1": "norm1", "norm2": "norm2", "temb_proj": "time_emb_proj",
    "shortcut": "conv_shortcut",
}  # fmt: skip


def _reference(preset: str, width: int, image_channels: int, groups: int) -> UNet2DModel:
    multipliers, attention = LEVELS[preset]
    last = len(multipliers) - 1
    down = ["AttnDownBlock2D" if level in attention else "DownBlock2D" for level in range(last + 1)]
    return UNet2DModel(
        sample_size=32, in_channels=image_channels, out_channels=image_channels, layers_per_block=2,
        block_out_channels=tuple(width * one for one in multipliers), down_block_types=tuple(down),
        up_block_types=tuple(one.replace("Down", "Up") for one in reversed(down)),
        freq_shift=1, flip_sin_to_cos=False, downsample_padding=0, attention_head_dim=None,
        norm_num_groups=groups, norm_eps=1e-6,
    )  # fmt: skip


def _source_key(key: str, last: int) -> str:
    """Where diffusers keeps a tensor of the preset; the joined query, key and value are left to the caller."""
    rules = (
        (r"time_mlp\.fc(\d)", r"time_embedding.linear_\1"),
        (r"norm_out", "conv_norm_out"),
        (r"mid\.res1", "mid_block.resnets.0"),
        (r"mid\.res2", "mid_block.resnets.1"),
        (r"mid\.attn", "mid_block.attentions.0"),
        (r"down_(\d)\.blocks\.(\d)\.res", r"down_blocks.\1.resnets.\2"),
        (r"down_(\d)\.blocks\.(\d)\.attn", r"down_blocks.\1.attentions.\2"),
        (r"down_(\d)\.down", r"down_blocks.\1.downsamplers.0"),
    )
    for pattern, target in rules:
        key = re.sub(f"^{pattern}(?=\\.)", target, key)
    up = re.match(r"up_(\d)\.(?:blocks\.(\d)\.block\.(res|attn)|(up))\.(.*)", key)
    if up:
        level, index, kind, upsampler, rest = up.groups()
        part = "upsamplers.0" if upsampler else f"{'resnets' if kind == 'res' else 'attentions'}.{index}"
        key = f"up_blocks.{last - int(level)}.{part}.{rest}"
    if ".resnets." in key:
        key = re.sub(r"\.([a-z_0-9]+)\.(weight|bias)$", lambda m: f".{NAMES[m[1]]}.{m[2]}", key)
    return re.sub(
        r"(attentions\.\d)\.(norm|proj)\.",
        lambda m: f"{m[1]}.{ {'norm': 'group_norm', 'proj': 'to_out.0'}[m[2]] }.",
        key,
    )


def _weights(model: nn.Module, reference: nn.Module, last: int) -> dict[str, Tensor]:
    source = reference.state_dict()
    found: dict[str, Tensor] = {}
    for key, value in model.state_dict().items():
        if ".qkv." in key:
            name = _source_key(key, last).replace(".qkv.", ".to_{}.")
            parts = [source.pop(name.format(one)) for one in "qkv"]
            found[key] = torch.cat(parts).reshape(value.shape)
        else:
            found[key] = source.pop(_source_key(key, last)).reshape(value.shape)
    assert not source, "every tensor of the reference has its place"
    return found


@pytest.mark.parametrize(
    ("preset", "changes", "size"),
    [
        ("ddpm-tiny", {}, (16, 16)),
        ("ddpm-tiny", {"channels": 24, "num_groups": 4, "image_channels": 3}, (8, 24)),
        ("ddpm-cifar10", {"channels": 32, "num_groups": 8}, (32, 32)),
        ("ddpm-cifar10", {}, (32, 32)),
        ("ddpm-celebahq-256", {"channels": 32, "num_groups": 8}, (64, 32)),
    ],
)
def test_output_is_that_of_diffusers(preset: str, changes: dict[str, Any], size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    design = build(preset, changes)
    values = {name: int(design.parameters[name]) for name in ("channels", "image_channels", "num_groups")}
    reference = _reference(preset, values["channels"], values["image_channels"], values["num_groups"])
    reference = randomize(reference.eval())
    model = load_model(render(design))().eval()
    model.load_state_dict(_weights(model, reference, len(LEVELS[preset][0]) - 1), strict=True)
    x, t = torch.randn(2, values["image_channels"], *size), torch.tensor([3.0, 871.0])
    with torch.no_grad():
        wanted = reference(x, t, return_dict=False)[0]
        assert difference([model(x, t)], [wanted]) <= TOLERANCE
    count = sum(one.numel() for one in reference.parameters())
    assert count == sum(one.numel() for one in model.parameters())
    assert changes or count == COUNTS.get(preset, count)


def test_counts_are_those_published() -> None:
    counts = {preset.id: preset.parameters for preset in PRESETS}
    assert counts | COUNTS == counts
    with torch.device("meta"):
        model = load_model(render(build("ddpm-celebahq-256")))()
        reference = _reference("ddpm-celebahq-256", 128, 3, 32)
    sizes = [sum(one.numel() for one in network.parameters()) for network in (model, reference)]
    assert sizes == [COUNTS["ddpm-celebahq-256"]] * 2
