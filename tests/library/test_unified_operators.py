"""The unified operators: every filling of a socket trains, and what does not fit is refused with a reason."""

import json
import random
from typing import Any

import pytest
import torch

from designer.check import check
from designer.cli import main
from designer.library import composites, definitions
from designer.reader import read_design
from designer.render import load_model, render
from designer.summary import summarize
from designer.teaching import fusion_unet, residual_transformer

Choices = dict[str, Any]

NORMED = {"transform_d": "GroupNorm", "transform_s": "GroupNorm"}
FUSIONS: list[Choices] = [
    {},
    {"fuse": "ConcatChannels"},
    {"fuse": "ConcatProject"},
    {"fuse": "VPAdd", **NORMED},
    {"fuse": "AttentionFusion"},
    {"fuse": "ChannelShuffleFusion"},
    {"transform_d": "Projection", "transform_s": "Projection"},
    {"transform_s": "BandSplit", "fuse": "MPSum"},
    {"transform_s": "SkipTuner", "fuse": "MPConcat"},
    {"transform_s": "SNRBandSplit"},
    {"gate_s": "ConstantGate"},
    {"gate_s": "ExponentialGate"},
    {"gate_s": "RationalGate"},
    {"gate_s": "SigmoidLevelGate"},
    {"gate_s": "PiecewiseGate"},
    {"gate_s": "ScaleLongConstant"},
    {"gate_s": "ScaleLongLearned"},
    {"gate_s": "SNRGate", "fuse": "VPAdd", **NORMED},
    {"gate_s": "SNRRampGate"},
    {"gate_s": "ProductGate", "fuse": "ChannelShuffleFusion"},
    {"gate_s": "ScalarMLPGate", "bound_s": "DoubleSigmoidBound"},
    {"gate_s": "ChannelMLPGate", "bound_s": "AroundOneBound", "fuse": "VPAdd", **NORMED},
    {"gate_s": "HyperGate", "bound_s": "TanhBound"},
    {"gate_s": "SpatialGate", "bound_s": "SigmoidBound"},
    {"gate_s": "FullGate", "bound_s": "DoubleSigmoidBound"},
    {"gate_d": "ScalarMLPGate", "bound_d": "DoubleSigmoidBound"},
    {"dropout": 0.1},
]
SHIFT_SCALE = {"modulator": "AdaLNModulation"}
POST_NORM = {"norm_in": "Identity", "norm_out": "LayerNorm", "modulation": "Identity", "gate": "Identity"}
DEEP_NORM = {
    "residual": "DeepNormAdd",
    "attention": "DeepNormAttention",
    "feed_forward": "DeepNormFeedForward",
    "expand": "ScaledLinear",
}
RESIDUALS: list[Choices] = [
    {},
    {"bound": "TanhBound"},
    {"gate": "Identity", **SHIFT_SCALE},
    {"gate": "LayerScale", **SHIFT_SCALE},
    {"gate": "ReZero", **SHIFT_SCALE},
    {"gate": "TanhGate", "modulation": "Identity"},
    {"gate": "SigmoidGate", **SHIFT_SCALE},
    {"gate": "TokenGate", **SHIFT_SCALE},
    {"gate": "SNRResidualGate", **SHIFT_SCALE},
    {"scaling": "Scale", "beta": 0.35},
    {"norm_in": "RMSNorm", "qk_norm": "RMSNorm"},
    {"norm_branch": "RMSNorm", "qk_norm": "LayerNorm"},
    {"norm_in": "AdaRMSNorm", "modulation": "Identity", "gate": "LayerScale"},
    POST_NORM,
    {**POST_NORM, **DEEP_NORM},
    {"core": "CosineAttention", "head_gate": "HeadGate"},
    {"core": "SoftCapAttention"},
    {"core": "ClippedAttention"},
    {"core": "LinearAttention"},
    {"core": "WindowAttention"},
    {"core": "NeighbourhoodAttention"},
    {"attention": "GroupedAttention"},
    {"expand": "GLU", "activation": "Identity"},
    {"expand": "GEGLU", "activation": "Identity"},
    {"expand": "SwiGLU", "activation": "Identity"},
    {"activation": "SiLU"},
    {"feed_forward": "MixtureOfExperts"},
]
SAMPLING: list[Choices] = [
    {"transform_d": "FreeUBackboneByLevel", "transform_s": "FreeUSkipByLevel"},
    {"transform_s": "FreSca"},
    {"gate_s": "SkipTuningGate"},
]


def name_of(choices: Choices) -> str:
    """A readable test id."""
    return "-".join(map(str, choices.values())) or "default"


def designs() -> list[Any]:
    """Every teaching network with its choices."""
    unets = [pytest.param(fusion_unet(**one), id=f"unet-{name_of(one)}") for one in FUSIONS]
    sampling = []
    for one in SAMPLING:
        document = fusion_unet(**one)
        document["training"] = {**document["training"], "sampling_only": True}
        sampling.append(pytest.param(document, id=f"unet-{name_of(one)}"))
    transformers = [pytest.param(residual_transformer(**one), id=f"dit-{name_of(one)}") for one in RESIDUALS]
    return [*unets, *sampling, *transformers]


@pytest.mark.parametrize("document", designs())
def test_every_choice_renders_and_gets_gradients(document: Choices) -> None:
    design = read_design(document)
    report = check(design)
    assert report.ok, [(one.node, one.message) for one in report.diagnostics]
    rendering = render(design)
    model = load_model(rendering)().train()
    assert summarize(design).parameters == sum(one.numel() for one in model.parameters())
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # away from zeros, behind which nothing gets a gradient
            parameter.add_(0.1 * torch.randn_like(parameter))
    x, t = torch.randn(4, 1, 16, 16), torch.tensor([1.0, 300.0, 600.0, 990.0])
    y = model(x, t)
    assert y.shape == x.shape and torch.isfinite(y).all()
    y.square().mean().backward()
    dead = [name for name, one in model.named_parameters() if one.requires_grad and not one.grad.abs().sum()]
    assert not dead


@pytest.mark.parametrize(
    "choices", [{}, {"bound": "TanhBound"}, RESIDUALS[4], RESIDUALS[5], RESIDUALS[7]], ids=name_of
)
def test_blocks_start_as_the_identity(choices: Choices) -> None:
    model = load_model(render(read_design(residual_transformer(**choices))))()
    seen: list[Any] = []
    model.blocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.blocks[-1].register_forward_hook(lambda _, given, made: seen.append(made))
    model(torch.randn(2, 1, 16, 16), torch.tensor([3.0, 500.0]))
    assert torch.equal(*seen)


@pytest.mark.parametrize(
    ("document", "code", "reason"),
    [
        (fusion_unet(gate_s="ConstantGate", bound_s="SigmoidBound"), "S009", "x is a plain number"),
        (fusion_unet(transform_s="ConcatChannels"), "S001", "ConcatChannels, which fills the socket, needs it"),
        (fusion_unet(gate_s="StrengthGate"), "S001", "StrengthGate, which fills the socket, needs it"),
        (fusion_unet(gate_s="LayerScale"), "S008", "takes gate, received skip"),
        (fusion_unet(fuse="VpAdd"), "S002", "did you mean 'VPAdd'?"),
        (fusion_unet(gate_s="SkipTuningGate"), "G019", "for sampling"),
        (fusion_unet(gate_s="HyperGate"), "G016", ""),
        (residual_transformer(**SHIFT_SCALE), "S006", "AdaLNModulation, which fills the socket 'modulator', has no output 'gate'"),
        (residual_transformer(**DEEP_NORM), "G024", "without a norm"),
        (residual_transformer(core="GroupedQueryAttention", head_gate="Modulate"), "S001", "Modulate, which fills"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalnum() else "",
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_a_reason(document: Choices, code: str, reason: str) -> None:
    errors = [one for one in check(read_design(document)).diagnostics if one.severity == "error"]
    assert any(one.code == code and reason in one.message for one in errors), [
        (one.code, one.message) for one in errors
    ]


def _one_fusion(choices: Choices, conditions: dict[str, str]) -> Choices:
    """A design of one fusion: trunk and skip of 8 channels, and inputs for these conditions."""
    ports = {"d": "B 8 H W", "s": "B 8 H W", **conditions}
    roles = {"d": "map", "s": "skip", "control": "control", "reference": "skip", "strength": "strength"}
    names = [name for name in ("SkipFusion", *choices.values()) if name in composites()]
    main = {
        "inputs": [{"name": name, "role": roles[name], "shape": shape} for name, shape in ports.items()],
        "outputs": [{"name": "y", "role": "map", "from": ["fusion", "y"]}],
        "nodes": {"fusion": {"call": "SkipFusion", "params": choices}},
        "edges": [[name, f"fusion.{name}"] for name in ports],
    }
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Fusion",
        "main": "Main",
        "training": {"sampling_only": True},
        "definitions": {"Main": main, **definitions(*names)},
    }


def test_conditions_route_the_skip() -> None:
    d, s, other = (torch.randn(2, 8, 4, 4) for _ in range(3))

    def fused(choices: Choices, **conditions: Any) -> Any:
        shapes = {name: "B" if one.ndim == 1 else "B 8 H W" for name, one in conditions.items()}
        model = load_model(render(read_design(_one_fusion(choices, shapes))))()
        return model(d, s, *conditions.values())

    torch.testing.assert_close(fused({"transform_s": "ControlResidual"}, control=other), d + (s + other))
    torch.testing.assert_close(fused({"transform_s": "ControlledSkipTuner"}, control=other), d + (s + other))
    torch.testing.assert_close(fused({"transform_s": "SkipTuner"}), d + s)
    torch.testing.assert_close(fused({"transform_s": "SkipSwap"}, reference=other), d + other)
    knob = torch.tensor([0.0, 2.0])
    torch.testing.assert_close(
        fused({"gate_s": "StrengthGate"}, strength=knob), d + knob[:, None, None, None] * s
    )


def test_a_class_takes_only_what_its_fillings_read() -> None:
    plain = render(read_design(fusion_unet())).files["model.py"]
    assert "def forward(self, d: Tensor, s: Tensor) -> Tensor:" in plain
    assert "log_snr" not in plain and "UnitGate" not in plain and "1.0 *" not in plain
    gated = render(read_design(fusion_unet(gate_s="SNRGate"))).files["model.py"]
    assert "def forward(self, d: Tensor, s: Tensor, log_snr: Tensor) -> Tensor:" in gated


def test_one_loop_calls_classes_that_read_different_inputs() -> None:
    document = residual_transformer(gate="=x")
    block = document["definitions"]["Block"]["nodes"]
    for node in block.values():
        node["params"].update({"gate": "=gate", "modulator": "AdaLNModulation"})
    blocks = document["definitions"]["ResidualTransformer"]["nodes"]["blocks"]
    blocks["params"]["gate"] = "='SNRResidualGate' if i % 2 == 0 else 'LayerScale'"
    document["parameters"].pop("gate")
    design = read_design(document)
    assert check(design).ok
    model = load_model(render(design))()
    assert summarize(design).parameters == sum(one.numel() for one in model.parameters())
    assert model(torch.randn(2, 1, 16, 16), torch.tensor([3.0, 500.0])).shape == (2, 1, 16, 16)


POOLS: dict[str, list[Any]] = {
    "transform_s": ["Projection", "GroupNorm", "BandSplit", "SkipTuner", "SiLU"],
    "gate_s": [
        "ConstantGate",
        "SNRGate",
        "ChannelMLPGate",
        "HyperGate",
        "FullGate",
        "StrengthGate",
        "LayerScale",
    ],
    "bound_s": ["SigmoidBound", "TanhBound", "SoftplusBound", "Identity"],
    "gate_d": ["UnitGate", "ScalarMLPGate", "ScaleLongConstant"],
    "fuse": ["VPAdd", "ConcatChannels", "ConcatProject", "MPSum", "MPConcat", "AttentionFusion"],
    "attention": ["GroupedAttention", "DeepNormAttention", "SelfAttention"],
    "feed_forward": ["DeepNormFeedForward", "MixtureOfExperts"],
    "norm_in": ["Identity", "RMSNorm", "AdaRMSNorm"],
    "norm_out": ["LayerNorm"],
    "modulator": ["AdaLNModulation"],
    "modulation": ["Identity"],
    "gate": ["LayerScale", "ReZero", "TokenGate", "SNRResidualGate", "Identity"],
    "residual": ["DeepNormAdd", "MPSum"],
    "core": ["CosineAttention", "WindowAttention", "GroupedQueryAttention"],
    "expand": ["SwiGLU", "ScaledLinear"],
}


@pytest.mark.parametrize("seed", range(24))
def test_any_combination_runs_or_is_refused(seed: int) -> None:
    rng = random.Random(seed)
    build = fusion_unet if seed % 2 else residual_transformer
    sockets = build()["definitions"][build()["main"]]["parameters"].keys() & POOLS.keys()
    choices = {name: rng.choice(POOLS[name]) for name in sorted(sockets) if rng.random() < 0.5}
    design = read_design(build(**choices))
    report = check(design)
    if not report.ok:
        assert any(one.severity == "error" and one.message for one in report.diagnostics)
        return
    model = load_model(render(design))()
    assert summarize(design).parameters == sum(one.numel() for one in model.parameters())
    assert model(torch.randn(2, 1, 16, 24), torch.tensor([3.0, 700.0])).shape == (2, 1, 16, 24)


@pytest.mark.parametrize("name", composites())
def test_library_entries_are_documented_and_whole(name: str) -> None:
    entry = composites()[name]
    found = definitions(name)
    assert next(iter(found)) == name and entry.definition["doc"] and entry.definition["reference"]
    assert all(one.get("help") for one in entry.definition["parameters"].values())
    assert entry.to_json()["definitions"] == found


def test_the_command_lists_the_library(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["library", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in listed} == set(composites())
    assert main(["library"]) == 0
    assert "SkipFusion" in capsys.readouterr().out
