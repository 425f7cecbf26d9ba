"""CogVideoX: the import computes what diffusers computes, with the same weights."""

from typing import Any

import diffusers
import pytest
import torch
from diffusers.models.embeddings import get_3d_rotary_pos_embed

from designer.importers import convert_config
from designer.importers.weights import convert
from designer.reader import read_design
from designer.render import load_model, render
from tests.parity.harness import TOLERANCE, compare, configurations, difference, randomize

CLASS = "CogVideoXTransformer3DModel"
TINY: dict[str, Any] = {
    "num_attention_heads": 2, "attention_head_dim": 16, "in_channels": 4, "out_channels": 4, "time_embed_dim": 6,
    "text_embed_dim": 8, "num_layers": 2, "sample_width": 6, "sample_height": 8, "sample_frames": 9,
    "max_text_seq_length": 5,
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "fixed positions": {"spatial_interpolation_scale": 1.5, "temporal_interpolation_scale": 2.0},
    "another size than the sample's": {"sample_width": 10, "sample_frames": 49, "out_channels": 6},
    "no biases, plain norms, dropout": {"attention_bias": False, "norm_elementwise_affine": False, "patch_bias": False, "dropout": 0.1},
    "other embedding of the timestep": {"flip_sin_to_cos": False, "freq_shift": 1, "timestep_activation_fn": "gelu", "norm_eps": 1e-3},
    "gated MLP, offset": {"activation_fn": "geglu", "ofs_embed_dim": 6},
    "patches over frames": {"patch_size_t": 3, "patch_size": 1, "use_rotary_positional_embeddings": True, "patch_bias": False},
    "learned positions": {"use_rotary_positional_embeddings": True, "use_learned_positional_embeddings": True},
}  # fmt: skip


def rotations() -> list[torch.Tensor]:
    """The rotations that diffusers' pipelines compute for 3 frames of 4×3 patches and heads of 16 features."""
    return list(get_3d_rotary_pos_embed(16, None, (4, 3), 3, grid_type="slice", max_size=(4, 3)))


@pytest.mark.parametrize("one", configurations(CLASS), ids=lambda one: one["id"])
def test_configurations(one: dict[str, Any]) -> None:
    parity = compare(CLASS, one["kwargs"], one["inputs"])
    assert parity.error < TOLERANCE
    assert parity.parameters == one["param_count"]


@pytest.mark.parametrize("name", VARIANTS)
def test_other_arguments(name: str) -> None:
    arguments = {**TINY, **VARIANTS[name]}
    inputs = {
        "hidden_states": torch.randn(2, 3, 4, 8, 6),
        "encoder_hidden_states": torch.randn(2, 5, 8),
        "timestep": torch.tensor([3, 900]),
        **({"ofs": torch.tensor([2.0, 5.0])} if "ofs_embed_dim" in arguments else {}),
        **({"image_rotary_emb": rotations()} if "use_learned_positional_embeddings" in arguments else {}),
    }
    assert compare(CLASS, arguments, inputs).error < TOLERANCE


@pytest.mark.parametrize("patch_size_t", [None, 1])
def test_the_design_rotates_as_the_pipelines_do(patch_size_t: int | None) -> None:
    arguments = {**TINY, "use_rotary_positional_embeddings": True, "patch_size_t": patch_size_t}
    torch.manual_seed(0)
    reference = randomize(diffusers.CogVideoXTransformer3DModel(**arguments).eval())
    imported = convert_config({"_class_name": CLASS, **arguments})
    parameters = {**imported.document["parameters"], "rotation": "ApplyRotary"}
    model = load_model(render(read_design({**imported.document, "parameters": parameters})))().eval()
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    model.load_state_dict(convert(imported.rules, reference.state_dict(), shapes), strict=True)
    inputs = (torch.randn(2, 3, 4, 8, 6), torch.randn(2, 5, 8), torch.tensor([3, 900]))
    with torch.no_grad():
        wanted = reference(*inputs, image_rotary_emb=tuple(rotations()), return_dict=False)[0]
        assert difference([model(*inputs)], [wanted]) < TOLERANCE
