"""S008: role mismatch."""

from designer.rules import Rule, examples

RULE = Rule(
    code="S008",
    title="Role mismatch",
    severity="error",
    family="structure",
    what="A value of one kind arrives at a port for another, such as tokens at a map.",
    why="The shapes may even fit by accident, the meaning does not.",
    example="Class labels into the timestep port.",
    instead="Insert the block that converts: PatchEmbed, Unpatchify, an embedding.",
    article="2.4.2",
)


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.convolutional(
        {"act": {"call": "AddEmbedding"}}, [("h.out", "act.x"), ("t", "act.embedding")], "act.out"
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional(
        {"act": {"call": "AddEmbedding"}}, [("h.out", "act.x"), ("embed.out", "act.embedding")], "act.out"
    )
