"""S012: repeat."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S012",
    title="Repeat",
    severity="error",
    family="structure",
    what="A repeat count is no reasonable number, or a stack has not one item for each iteration.",
    why="The loop cannot be unrolled.",
    example="Three skips handed to a decoder level of two blocks.",
    instead="Make the counts equal; DDPM decoders have one block more than encoders.",
    article="2.1.3",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "SiLU", "repeat": 100_000}}, [("h.out", "act.x")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU", "repeat": 2}}, [("h.out", "act.x")], "act.out")
