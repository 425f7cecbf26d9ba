"""Long skips of transformers, for the sockets of skip fusions over tokens."""

from designer.library import Composite
from designer.presets.attention_parts import long_skip

COMPOSITES = (
    Composite("LongSkip", "Fusion", "Long skip: concatenate, project", "2.4.3", long_skip()),
    Composite(
        "NormedLongSkip",
        "Fusion",
        "Long skip: concatenate, normalise, project",
        "2.4.3",
        long_skip(normed=True),
    ),
)
