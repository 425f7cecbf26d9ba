"""Names of the weights of two-stream blocks in diffusers (SD3, Flux) and in our designs."""

from designer.importers import Rule

# What follows the block's prefix: theirs, ours, which part of how many.
_NAMES: tuple[tuple[str, str, tuple[int, int] | None], ...] = (
    (r"norm1\.linear", "adaln.proj", None),
    (r"attn\.to_q", "attn.qkv.qkv", (0, 3)),
    (r"attn\.to_k", "attn.qkv.qkv", (1, 3)),
    (r"attn\.to_v", "attn.qkv.qkv", (2, 3)),
    (r"attn\.add_q_proj", "attn.context_qkv.qkv", (0, 3)),
    (r"attn\.add_k_proj", "attn.context_qkv.qkv", (1, 3)),
    (r"attn\.add_v_proj", "attn.context_qkv.qkv", (2, 3)),
    (r"attn\.norm_q", "attn.norm_q", None),
    (r"attn\.norm_k", "attn.norm_k", None),
    (r"attn\.norm_added_q", "attn.context_norm_q", None),
    (r"attn\.norm_added_k", "attn.context_norm_k", None),
    (r"attn\.to_out\.0", "attn.proj", None),
    (r"attn\.to_add_out", "attn.context_proj", None),
    (r"attn2\.to_q", "attn_dual.qkv.qkv", (0, 3)),
    (r"attn2\.to_k", "attn_dual.qkv.qkv", (1, 3)),
    (r"attn2\.to_v", "attn_dual.qkv.qkv", (2, 3)),
    (r"attn2\.norm_q", "attn_dual.norm_q", None),
    (r"attn2\.norm_k", "attn_dual.norm_k", None),
    (r"attn2\.to_out\.0", "attn_dual.proj", None),
    (r"ff\.net\.0\.proj", "mlp.fc1", None),
    (r"ff\.net\.2", "mlp.fc2", None),
    (r"ff_context\.net\.0\.proj", "context_mlp.fc1", None),
    (r"ff_context\.net\.2", "context_mlp.fc2", None),
)


def block_rules(node: str, start: int, count: int, last: bool = False) -> list[Rule]:
    """Return the rules of `count` blocks from number `start` on, which our design keeps in `node`.

    The `last` block is alone in its node; its text modulation is (scale, shift) there and (shift, scale) here.
    """
    if last:
        prefixes = [(rf"transformer_blocks\.({start})\.", rf"{node}.")]
    elif start == 0:
        numbers = "|".join(map(str, range(count)))
        prefixes = [(rf"transformer_blocks\.({numbers})\.", rf"{node}.\1.")]
    else:
        prefixes = [
            (rf"transformer_blocks\.({start + index})\.", rf"{node}.{index}.") for index in range(count)
        ]
    rules = []
    for theirs, ours in prefixes:
        order = (1, 0) if last else None
        rules.append(
            Rule(rf"{theirs}norm1_context\.linear\.(.*)", rf"{ours}context_adaln.proj.\2", order=order)
        )
        rules += [
            Rule(rf"{theirs}{source}\.(weight|bias)", rf"{ours}{target}.\2", part=part)
            for source, target, part in _NAMES
        ]
    return rules


CONDITION = (
    Rule(r"time_text_embed\.timestep_embedder\.linear_([12])\.(.*)", r"condition.t_mlp.fc\1.\2"),
    Rule(r"time_text_embed\.guidance_embedder\.linear_([12])\.(.*)", r"condition.guidance_mlp.fc\1.\2"),
    Rule(r"time_text_embed\.text_embedder\.linear_([12])\.(.*)", r"condition.pooled_mlp.fc\1.\2"),
)
