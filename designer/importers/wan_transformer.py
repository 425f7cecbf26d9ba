"""WanTransformer3DModel: Wan 2.1 and 2.2, text-to-video and image-to-video."""

from typing import Any

from designer.importers import Imported, Importer, Rule
from designer.importers.attention_rules import attention_rules, renamed
from designer.importers.config import Config
from designer.importers.inputs import with_inputs
from designer.presets.wan import wan

_INPUTS = {"x": "hidden_states", "t": "timestep", "context": "encoder_hidden_states", "image": "encoder_hidden_states_image"}  # fmt: skip
_NULLABLE = (int, type(None))


def convert(config: Config) -> Imported:
    """Return the design of a configuration and the rules for its weights."""
    num_heads = config.take("num_attention_heads", 40, minimum=1)
    head_size = config.take("attention_head_dim", 128, minimum=1)
    patch_size = config.take("patch_size", (1, 2, 2), minimum=1)
    if len(patch_size) != 3 or not all(isinstance(one, int) for one in patch_size):
        config.fail("patch_size", patch_size, "expected three numbers: frames, rows and columns of a patch")
    if head_size % 2 or head_size < 6:
        config.fail("attention_head_dim", head_size, "pairs of features are rotated along three axes; expected an even number from 6")  # fmt: skip
    # The class reads "qk_norm" nowhere: it normalises queries and keys in any case.
    config.take("qk_norm", "rms_norm_across_heads", kind=(str, type(None)))
    frequencies = config.take("freq_dim", 256, minimum=2)
    if frequencies % 2:
        config.fail("freq_dim", frequencies, "expected an even number: a sine and a cosine a frequency")
    image_size = config.take("image_dim", None, kind=_NULLABLE, minimum=1)
    positions = config.take("pos_embed_seq_len", None, kind=_NULLABLE, minimum=2)
    if positions is not None and positions % 2:
        config.fail("pos_embed_seq_len", positions, "the tokens of two images share the positions; expected an even number")  # fmt: skip
    in_channels = config.take("in_channels", 16, minimum=1)
    out_channels = config.take("out_channels", 16, kind=_NULLABLE, minimum=0)
    side = 2 * (head_size // 6)
    values: dict[str, Any] = {
        "patch_size": patch_size,
        "in_channels": in_channels,
        "out_channels": out_channels or in_channels,
        "hidden_size": num_heads * head_size,
        "depth": config.take("num_layers", 40, minimum=0),
        "num_heads": num_heads,
        "rope_axes": [head_size - 2 * side, side, side],
        "mlp_hidden": config.take("ffn_dim", 13824, minimum=1),
        "text_size": config.take("text_dim", 4096, minimum=1),
        "frequency_size": frequencies,
        "cross_norm": config.take("cross_attn_norm", True),
        "norm_eps": config.take("eps", 1e-6, kind=float, minimum=0),
        "max_length": config.take("rope_max_seq_len", 1024, minimum=1),
        **({} if image_size is None else {"image_size": image_size}),
    }
    document = wan(
        values,
        split_image=_split_image(config, values["hidden_size"], image_size),
        positions=positions if image_size is not None else None,
    )
    return Imported(with_inputs(document, _INPUTS), tuple(_rules()))


def _split_image(config: Config, hidden_size: int, image_size: int | None) -> bool:
    """Whether image tokens have keys and values of their own."""
    added = config.take("added_kv_proj_dim", None, kind=_NULLABLE, minimum=1)
    if added is not None and image_size is None:
        config.fail("added_kv_proj_dim", added, "keys and values for image tokens need image_dim")
    if added is not None and added != hidden_size:
        config.fail("added_kv_proj_dim", added, f"image tokens are projected to {hidden_size} features (heads × size of a head)")  # fmt: skip
    return added is not None


def _rules() -> list[Rule]:
    block, ours = r"blocks\.(\d+)", r"blocks.\1"
    names = {
        r"patch_embedding": "patch_embed.proj",
        r"condition_embedder\.time_embedder\.linear_(\d)": r"t_embedder.fc\1",
        r"condition_embedder\.time_proj": "modulation.linear",
        r"condition_embedder\.text_embedder\.linear_(\d)": r"text_projection.fc\1",
        r"condition_embedder\.image_embedder\.norm(\d)": r"image_projection.norm\1",
        r"condition_embedder\.image_embedder\.ff\.net\.0\.proj": "image_projection.fc1",
        r"condition_embedder\.image_embedder\.ff\.net\.2": "image_projection.fc2",
        rf"{block}\.norm2": rf"{ours}.norm_cross",
        rf"{block}\.ffn\.net\.0\.proj": rf"{ours}.mlp.fc1",
        rf"{block}\.ffn\.net\.2": rf"{ours}.mlp.fc2",
        rf"{block}\.attn2\.add_([kv])_proj": rf"{ours}.cross_attn.image_\2",
        rf"{block}\.attn2\.norm_added_k": rf"{ours}.cross_attn.image_k_norm",
        rf"{block}\.attn1\.norm_([qk])": rf"{ours}.attn.\2_norm",
        rf"{block}\.attn2\.norm_([qk])": rf"{ours}.cross_attn.\2_norm",
        r"proj_out": "final_layer.proj",
    }
    return [
        Rule(r"condition_embedder\.image_embedder\.pos_embed", "image_projection.position.table"),
        Rule(rf"{block}\.scale_shift_table", rf"{ours}.adaln.table"),
        Rule(r"scale_shift_table", "final_layer.adaln.table"),
        *renamed(names),
        *attention_rules(block, rf"{ours}.attn"),
        *attention_rules(block, rf"{ours}.cross_attn", source="attn2"),
    ]


IMPORTER = Importer("WanTransformer3DModel", convert)
