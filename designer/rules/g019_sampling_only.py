"""G019: transforms for sampling do not stand in a network that is trained."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples

RULE = Rule(
    code="G019",
    title="For sampling only",
    severity="error",
    family="gating",
    what="FreeU, FreSca, Skip-Tuning or a skip injection stands in a design that is to be trained.",
    why="They change a trained network while sampling; trained with them, the weights learn to undo them.",
    example="FreeUSkip on a skip of a design with no word about sampling.",
    instead='Say "sampling_only": true in training when the design is a trained network changed for sampling, or delete them.',
    article="6, 8",
    reference="Si et al. 2023, arXiv:2309.11497; Ma et al. 2024, arXiv:2402.15170",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for such blocks where the design does not say that it is for sampling."""
    if context.design.training.get("sampling_only"):
        return
    for leaf in context.flow.tagged("inference_only"):
        yield Diagnostic(
            RULE.code,
            "error",
            f"{leaf.spec.title} is for sampling with trained weights; this design is to be trained",
            leaf.place,
            received=leaf.spec.name,
            expected="a block that can be trained with",
            fix=Fix(
                "Mark the design as for sampling only",
                ({"op": "training", "name": "sampling_only", "value": True},),
            ),
            reference=RULE.article,
            path=leaf.path,
        )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.skip_fusion(
        {
            "freeu": {"call": "FreeUSkip"},
            "fuse": {"call": "ConcatChannels"},
            "proj": {"call": "Conv2d", "params": {"out_channels": 16}},
        },
        [("skip", "freeu.x"), ("x", "fuse.a"), ("freeu.out", "fuse.b"), ("fuse.out", "proj.x")],
        "proj.out",
    )


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    document = bad()
    document["training"]["sampling_only"] = True
    return document
