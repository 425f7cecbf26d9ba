"""A convolutional U-Net whose bottleneck is a diffusion transformer: local detail outside, global context inside."""

from collections.abc import Sequence
from functools import partial

from designer.presets import Preset
from designer.presets.condition_parts import VECTOR_MLP
from designer.presets.dit_blocks import dit_block
from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.pixel_parts import SHARED, TEMB, TEMB_IN, Parts, Style
from designer.presets.pixel_unet import Level, decoder, document, encoder, multiple
from designer.presets.transformer_parts import MLP

REFERENCE = "Hoogeboom, Heek & Salimans 2023, arXiv:2301.11093; Peebles & Xie 2023, arXiv:2212.09748"


def _bottleneck() -> Json:
    graph = Graph()
    graph.call("to_tokens", "MapToTokens", x="x")
    graph.call("position", "ScaledSinCosPosition", {"patch_size": 1, "base_size": 16}, tokens="to_tokens.tokens", like="x")  # fmt: skip
    graph.call("condition", "Linear", {"out_features": "channels"}, x="temb")
    graph.call("blocks", "DiTBlock", {"num_heads": "num_heads"}, repeat="depth", x="position.out", c="condition.out")  # fmt: skip
    graph.call("to_map", "TokensToMap", tokens="blocks.x", like="x")
    return definition(
        "The bottleneck: transformer blocks over the pixels of the coarsest map, modulated by time and class.",
        graph,
        [port("x", "map", "B channels H W"), TEMB_IN],
        [port("x", "map", "B channels H W", "to_map.out")],
        {
            "channels": integer("channels of the map"),
            **TEMB,
            "depth": integer("transformer blocks", 8, 1, 1000),
            "num_heads": integer("attention heads", 8),
        },
        REFERENCE,
    )


def _main(parts: Parts, levels: Sequence[Level], parameters: Json) -> Json:
    graph = Graph()
    graph.call("t_embed", "TimestepEmbedding", {"dim": "channels", "cos_first": True}, t="t")
    graph.call("t_mlp", "VectorMlp", {"hidden_size": "4*channels"}, x="t_embed.out")
    classes = {"num_classes": "num_classes", "hidden_size": "4*channels", "dropout": "class_dropout"}
    graph.call("y_embed", "ClassEmbedding", classes, y="y")
    temb = graph.call("condition", "Add", a="t_mlp.x", b="y_embed.out") + ".out"
    graph.call("conv_in", "Conv2d", {"out_channels": "channels"}, x="x")
    h = encoder(graph, parts, levels, "conv_in.out", temb, "x")
    sizes = {"depth": "depth", "num_heads": "num_heads"}
    h = graph.call("bottleneck", "Bottleneck", sizes, x=h, temb=temb) + ".x"
    h, _ = decoder(graph, parts, levels, h, temb)
    graph.call("norm_out", "GroupNorm", {"num_groups": "num_groups", "eps": parts.style.eps}, x=h)
    graph.call("act_out", "SiLU", x="norm_out.out")
    graph.call("conv_out", "Conv2d", {"out_channels": "image_channels", "init": "zero"}, x="act_out.out")
    inputs = [
        port("x", "image", "B image_channels H W", help="noisy image"),
        port("t", "timestep", "B", help="timestep, 0 … 999"),
        port("y", "class", "B", dtype="int64", help="class label"),
    ]
    output = port("v", "prediction", "B image_channels H W", "conv_out.out")
    doc = "A convolutional U-Net around a diffusion transformer: predicts v of x at timestep t for class y."
    return definition(doc, graph, inputs, [output], parameters, REFERENCE)


def hybrid(
    multipliers: Sequence[int], image_channels: int, channels: int, blocks: int, num_groups: int,
    depth: int, num_heads: int, num_classes: int, size: int,
) -> Json:  # fmt: skip
    """Return the document of a hybrid: channel multiplier of each level, blocks of both kinds, sizes."""
    style = Style(REFERENCE, modulate=True)
    parts = Parts(style)
    levels = [Level(multiple(factor)) for factor in multipliers]
    parameters = {
        "image_channels": integer("channels of the image", image_channels),
        "channels": integer("channels of the first level", channels),
        "num_blocks": integer("residual blocks a level", blocks, 1, 16),
        "num_groups": integer("groups of the normalisations", num_groups),
        "dropout": {**SHARED["dropout"], "default": 0.0},
        "depth": integer("transformer blocks", depth, 1, 1000),
        "num_heads": integer("heads of the transformer", num_heads),
        "num_classes": integer("classes; label num_classes means no class", num_classes),
        "class_dropout": {
            "type": "float",
            "default": 0.1,
            "min": 0,
            "max": 1,
            "help": "probability of dropping the class in training",
        },
    }
    main = _main(parts, levels, parameters)
    definitions = {
        "HybridUNet": main,
        "Bottleneck": _bottleneck(),
        "DiTBlock": dit_block("adaln-zero"),
        "Mlp": MLP,
        "VectorMlp": VECTOR_MLP,
        **dict(reversed(parts.definitions.items())),
    }
    training = {
        "prediction": "v", "schedule": "cosine", "timesteps": 1000, "num_classes": num_classes,
        "sample_shape": [image_channels, size, size],
    }  # fmt: skip
    values = {name: one["default"] for name, one in parameters.items()}
    return document("U-Net with DiT bottleneck", definitions, values, training)


PRESETS = (
    Preset(
        id="hybrid-tiny",
        family="hybrid",
        title="U-Net with DiT bottleneck, tiny (16×16 digits)",
        summary="Two convolutional levels around four transformer blocks; learns scikit-learn's digits.",
        reference=REFERENCE,
        document=partial(hybrid, (1, 2), 1, 32, 1, 8, 4, 4, 10, 16),
    ),
    Preset(
        id="hybrid-64",
        family="hybrid",
        title="U-Net with DiT bottleneck, 64×64",
        summary="Three convolutional levels down to 16×16 pixels, where twelve transformer blocks take over.",
        reference=REFERENCE,
        document=partial(hybrid, (1, 2, 4), 3, 128, 3, 32, 12, 8, 1000, 64),
    ),
)
