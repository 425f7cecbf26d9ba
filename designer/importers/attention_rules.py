"""Weight rules for the attention and feed-forward layers of `designer.presets.attention_parts`."""

from designer.importers import Rule
from designer.importers.config import Config
from designer.presets.attention_parts import GATED

FEED_FORWARDS = ("gelu", "gelu-approximate", "geglu", "geglu-approximate", "swiglu", "linear-silu")
KIND = r"\.(?P<kind>weight|bias)"


def attention_rules(prefix: str, target: str, source: str = "attn1") -> list[Rule]:
    """Return the rules of one attention: `prefix` is a pattern, `target` the template of its replacement."""
    rules = [Rule(rf"{prefix}\.{source}\.to_{name}{KIND}", rf"{target}.{name}.\g<kind>") for name in "qkv"]
    return [*rules, Rule(rf"{prefix}\.{source}\.to_out\.0{KIND}", rf"{target}.proj.\g<kind>")]


def renamed(names: dict[str, str]) -> list[Rule]:
    """Return rules that rename modules: pattern → template, for weights and biases."""
    return [Rule(pattern + KIND, rf"{target}.\g<kind>") for pattern, target in names.items()]


def feed_forward_rules(prefix: str, target: str, activation: str) -> list[Rule]:
    """Return the rules of one feed-forward network."""
    first = "fc1.proj" if activation in GATED else "fc1"
    return [
        Rule(rf"{prefix}\.ff\.net\.0\.proj{KIND}", rf"{target}.{first}.\g<kind>"),
        Rule(rf"{prefix}\.ff\.net\.2{KIND}", rf"{target}.fc2.\g<kind>"),
    ]


def take_width(config: Config, heads: int, head_size: int) -> int:
    """Return the width: heads times head size, in quarters that sines and cosines of row and column fill."""
    size: int = config.take("attention_head_dim", head_size, minimum=1)
    width = heads * size
    if width % 4:
        config.fail(
            "attention_head_dim",
            size,
            f"{heads} heads of {size} are {width} features; positions need a multiple of 4",
        )
    return width
