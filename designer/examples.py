"""Small designs that teach, kept as documents in examples/."""

from dataclasses import replace
from typing import Any

from designer.document import Design
from designer.presets import build
from designer.reader import read_design
from designer.teaching import fusion_unet, residual_transformer


def teaching_designs() -> dict[str, Design]:
    """Return the teaching designs by file name."""
    return {
        "teach-two-convolutions": read_design(_two_convolutions()),
        "teach-shared-weights": read_design(_shared_weights()),
        "teach-broken-skip": _broken_skip(),
        "teach-skip-fusion": read_design(
            fusion_unet(fuse="VPAdd", gate_s="SNRGate", transform_d="GroupNorm", transform_s="GroupNorm")
        ),
        "teach-residual-update": read_design(residual_transformer(norm_in="RMSNorm", qk_norm="RMSNorm")),
    }


def _denoiser(
    name: str, doc: str, nodes: dict[str, Any], edges: list[list[str]], output: str
) -> dict[str, Any]:
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": name,
        "parameters": {"channels": 16},
        "main": "Denoiser",
        "training": {
            "prediction": "epsilon",
            "schedule": "cosine",
            "timesteps": 1000,
            "sample_shape": [1, 16, 16],
        },
        "definitions": {
            "Denoiser": {
                "doc": doc,
                "parameters": {
                    "channels": {"type": "int", "default": 16, "min": 2, "help": "channels of the maps"}
                },
                "inputs": [
                    {"name": "x", "role": "image", "shape": "B 1 H W"},
                    {"name": "t", "role": "timestep", "shape": "B"},
                ],
                "outputs": [
                    {"name": "eps", "role": "prediction", "shape": "B 1 H W", "from": [output, "out"]}
                ],
                "nodes": nodes,
                "edges": edges,
            }
        },
    }


def _two_convolutions() -> dict[str, Any]:
    nodes = {
        "conv_in": {"call": "Conv2d", "params": {"out_channels": "channels"}},
        "embed": {"call": "TimestepEmbedding", "params": {"dim": "channels"}},
        "add_t": {"call": "AddEmbedding"},
        "act": {"call": "SiLU"},
        "conv_out": {"call": "Conv2d", "params": {"out_channels": 1}},
    }
    edges = [
        ["x", "conv_in.x"], ["t", "embed.t"], ["conv_in.out", "add_t.x"], ["embed.out", "add_t.embedding"],
        ["add_t.out", "act.x"], ["act.out", "conv_out.x"],
    ]  # fmt: skip
    return _denoiser(
        "Two convolutions", "The smallest denoiser that sees the timestep.", nodes, edges, "conv_out"
    )


def _shared_weights() -> dict[str, Any]:
    shared = {"call": "Conv2d", "params": {"out_channels": "channels"}, "instance": "refine"}
    nodes = {
        "conv_in": {"call": "Conv2d", "params": {"out_channels": "channels"}},
        "embed": {"call": "TimestepEmbedding", "params": {"dim": "channels"}},
        "add_t": {"call": "AddEmbedding"},
        "refine_1": shared,
        "act": {"call": "SiLU"},
        "refine_2": shared,
        "add": {"call": "Add"},
        "conv_out": {"call": "Conv2d", "params": {"out_channels": 1}},
    }
    edges = [
        ["x", "conv_in.x"], ["t", "embed.t"], ["conv_in.out", "add_t.x"], ["embed.out", "add_t.embedding"],
        ["add_t.out", "refine_1.x"], ["refine_1.out", "act.x"], ["act.out", "refine_2.x"],
        ["add_t.out", "add.a"], ["refine_2.out", "add.b"], ["add.out", "conv_out.x"],
    ]  # fmt: skip
    return _denoiser(
        "Shared weights",
        "Two calls of one instance: one set of weights, used twice.",
        nodes,
        edges,
        "conv_out",
    )


def _broken_skip() -> Design:
    """The tiny DDPM with a skip from the wrong level: no image size fits, and the check says where."""
    design = build("ddpm-tiny")
    main = design.main_definition
    edges = tuple(
        ("down_0.skips", target) if target == "up_1.skips" else (source, target)
        for source, target in main.edges
    )
    definitions = {**design.definitions, main.name: replace(main, edges=edges)}
    return replace(design, name="Broken skip", preset="", definitions=definitions)
