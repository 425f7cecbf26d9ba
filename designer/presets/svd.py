"""Stable Video Diffusion (Blattmann et al. 2023): a latent U-Net with temporal layers, from an image to a video."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from designer.presets import Preset
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_attention import cross_attention, feed_forward, self_attention
from designer.presets.video_blocks import (
    SVD,
    frame_embedder,
    res_block,
    transformer_block,
    transformer_pair,
    video_res_block,
    video_transformer,
)
from designer.presets.video_levels import Level, down_block, down_level, middle, up_block, up_level
from designer.presets.video_parts import training

_TEMB = integer("size of the embedding", 1280)


def _embedder(motion: bool) -> Json:
    """Return the embedding of the timestep or, `motion`, of frame rate, amount of motion and added noise."""
    graph = Graph()
    graph.call("embed", "TimestepEmbedding", {"dim": "dim", "cos_first": True}, t="ids" if motion else "t")
    end = graph.call("flatten", "FlattenFeatures", x="embed.out") + ".out" if motion else "embed.out"
    graph.call("fc1", "Linear", {"out_features": "temb_channels"}, x=end)
    graph.call("act", "SiLU", x="fc1.out")
    graph.call("fc2", "Linear", {"out_features": "temb_channels"}, x="act.out")
    what = "Frame rate, amount of motion, noise of the image" if motion else "Timestep"
    return definition(
        f"{what} to embedding: sinusoids, then an MLP.",
        graph,
        [port("ids", "size", "B num_ids") if motion else port("t", "timestep", "B")],
        [port("temb", "vector", "B temb_channels", "fc2.out")],
        {
            **({"num_ids": integer("numbers: frame rate, motion, noise")} if motion else {}),
            "dim": integer("size of the sinusoidal embedding of a number", 256, 2),
            "temb_channels": _TEMB,
        },
        SVD,
    )


class _Main:
    """The main definition in the making."""

    def __init__(self, down: Sequence[Level], up: Sequence[Level], mid: Level, num_ids: int) -> None:
        self.down, self.up, self.mid, self.num_ids = down, up, mid, num_ids
        self.graph = Graph()
        self.inputs = {"image_only": "image_only.image_only", "temb": "temb.out"}

    def build(self) -> Json:
        """Return the definition."""
        graph = self.graph
        graph.call("image_only", "AllVideo", x="x")
        self._embed()
        graph.call("frames", "FoldFrames", x="x")
        trunk = graph.call("conv_in", "Conv2d", {"out_channels": "channels[0]"}, x="frames.out") + ".out"
        last = len(self.down) - 1
        for index, level in enumerate(self.down):
            params = {
                "num_blocks": level.blocks,
                "downsample": index < last,
                "eps": 1e-6 if level.cross else 1e-5,
            }
            trunk = self._level(f"down_{index}", f"{level.prefix}DownLevel", level, index, params, x=trunk)
        mid = {"eps": 1e-5, **self._attention(self.mid)}
        trunk = graph.call("mid", "Middle", mid, x=trunk, context="context", **self.inputs) + ".x"
        for index, level in reversed(list(enumerate(self.up))):
            params = {"num_blocks": level.blocks, "upsample": index > 0, "eps": 1e-6}
            skips = {"x": trunk, "skips": f"down_{index}.skips"}
            trunk = self._level(f"up_{index}", f"{level.prefix}UpLevel", level, index, params, **skips)
        graph.call("norm_out", "GroupNorm", {"num_groups": "num_groups"}, x=trunk)
        graph.call("act_out", "SiLU", x="norm_out.out")
        graph.call("conv_out", "Conv2d", {"out_channels": "out_channels", "init": "zero"}, x="act_out.out")
        graph.call("video", "UnfoldFrames", x="conv_out.out", like="x")
        return definition(
            "A latent U-Net for videos: predicts the clean latent (v) from a noisy video and an image, joined by channels.",
            graph,
            [
                port("x", "video", "B T in_channels H W", help="noisy latent video beside the latent image, frames first"),
                port("t", "timestep", "B", help="noise level, as ln(sigma)/4"),
                port("context", "context", "B N context_dim", help="embedding of the image"),
                port("ids", "size", f"B {self.num_ids}", help="frames a second, amount of motion, noise of the image"),
            ],
            [port("out", "prediction", "B T out_channels H W", "video.out")],
            self.parameters(),
            SVD,
        )  # fmt: skip

    def _embed(self) -> None:
        graph, wide = self.graph, "4*channels[0]"
        graph.call("time_mlp", "TimeMLP", {"dim": "channels[0]", "temb_channels": wide}, t="t")
        graph.call("motion", "MotionEmbedder", {"dim": "id_dim", "temb_channels": wide}, ids="ids")
        graph.call("embedding", "Add", a="time_mlp.temb", b="motion.temb")
        graph.call("temb", "RepeatFrames", x="embedding.out", like="x")

    def _attention(self, level: Level) -> Json:
        shared = {"num_groups": "num_groups"}
        return {"num_heads": level.heads, "depth": level.depth, **shared} if level.cross else shared

    def _level(self, node: str, name: str, level: Level, index: int, params: Json, **ends: str) -> str:
        values = {"out_channels": f"channels[{index}]", **self._attention(level), **params}
        context = {"context": "context"} if level.cross else {}
        return self.graph.call(node, name, values, **ends, **context, **self.inputs) + ".x"

    @staticmethod
    def parameters() -> dict[str, Json]:
        """Return the parameters of the network."""
        return {
            "in_channels": integer("channels of the latent video and the latent image", 8),
            "out_channels": integer("channels of the prediction", 4),
            "channels": integers("channels of each level, finest first", (320, 640, 1280, 1280)),
            "context_dim": integer("features of the image embedding", 1024),
            "id_dim": integer("size of the sinusoidal embedding of each number", 256, 2),
            "num_groups": integer("groups of the normalisations", 32),
        }


def svd(
    values: dict[str, Any],
    down: Sequence[Level],
    up: Sequence[Level],
    mid: Level,
    num_ids: int = 3,
    size: tuple[int, ...] = (14, 72, 128),
) -> dict[str, Any]:
    """Return the document of a Stable Video Diffusion; levels are given finest first."""
    named: dict[str, Json] = {}
    for level in down:
        named[f"{level.prefix}DownLevel"] = down_level(level)
    named["Middle"] = middle(mid)
    for level in up:
        named[f"{level.prefix}UpLevel"] = up_level(level)
        named[f"{level.prefix}UpBlock"] = up_block(level)
    named |= {"CrossBlock": down_block(mid)} if any(level.cross for level in down) else {}
    process = {"prediction": "v", "schedule": "cosine"}
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Stable Video Diffusion",
        "parameters": values,
        "main": "VideoUNet",
        "training": training(values["in_channels"], values["out_channels"], size, True, **process),
        "definitions": {
            "VideoUNet": _Main(down, up, mid, num_ids).build(),
            **named,
            "VideoResBlock": video_res_block(),
            "ResBlock": res_block(temporal=False),
            "TemporalResBlock": res_block(temporal=True),
            "VideoTransformer": video_transformer(),
            "FrameEmbedder": frame_embedder(),
            "TransformerPair": transformer_pair(),
            "TransformerBlock": transformer_block(temporal=False),
            "TemporalTransformerBlock": transformer_block(temporal=True),
            "SelfAttentionLayer": self_attention(),
            "CrossAttentionLayer": cross_attention(),
            "FeedForward": feed_forward(),
            "TimeMLP": _embedder(motion=False),
            "MotionEmbedder": _embedder(motion=True),
        },
    }


def _levels(cross: Sequence[bool], heads: Sequence[int], blocks: int) -> list[Level]:
    return [Level(attends, blocks, count) for attends, count in zip(cross, heads, strict=True)]


def _network(cross: Sequence[bool], heads: Sequence[int], blocks: int) -> dict[str, Any]:
    down, up = _levels(cross, heads, blocks), _levels(cross, heads, blocks + 1)
    return {"down": down, "up": up, "mid": Level(True, 1, heads[-1])}


_VALUES: dict[str, Any] = {"in_channels": 8, "out_channels": 4, "channels": [320, 640, 1280, 1280], "context_dim": 1024, "id_dim": 256, "num_groups": 32}  # fmt: skip
_TINY: dict[str, Any] = {"in_channels": 2, "out_channels": 1, "channels": [32, 64], "context_dim": 16, "id_dim": 16, "num_groups": 16}  # fmt: skip

PRESETS = (
    Preset(
        id="svd-tiny",
        family="svd",
        title="Stable Video Diffusion, tiny (4 frames, 8×8)",
        summary="A video U-Net of two levels, for tests and first steps.",
        reference=SVD,
        document=partial(svd, _TINY, **_network((True, False), (2, 4), 1), size=(4, 8, 8)),
    ),
    Preset(
        id="svd",
        family="svd",
        title="Stable Video Diffusion, image to video",
        summary="Stable Diffusion's U-Net with temporal layers: 14 (or 25) frames of 576×1024 from one image.",
        reference=SVD,
        document=partial(svd, _VALUES, **_network((True, True, True, False), (5, 10, 20, 20), 2)),
        published=1_524_623_082,
    ),
)
