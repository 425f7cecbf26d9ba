"""A034: the network that something is attached to is trained with it."""

from collections.abc import Iterable

import networkx as nx

from designer.diagnostics import Diagnostic, Fix
from designer.rules import Rule, RuleContext, examples
from designer.rules.attached import LEARNED, is_frozen, makers, outermost
from designer.rules.flow import Leaf
from designer.rules.g017_attachment_moves_base import attached as denoiser

RULE = Rule(
    code="A034",
    title="Backbone trained with its attachment",
    severity="warning",
    family="advice",
    effect=0.01,
    what="A control or adapter of learned weights is attached at 0 to a network whose weights are trained too.",
    why="The attachment starts at 0 so that a trained network stays what it is; training both lets them interfere.",
    example="ZeroConv into ControlResidual, and no word of frozen in training.",
    instead='"frozen": the network, "trainable": what is attached.',
    article="8",
    reference="Zhang et al. 2023, arXiv:2302.05543; Mou et al. 2023, arXiv:2302.08453",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look at sums that a zero adapter enters: are learned block calls behind them frozen?"""
    design, flow = context.design, context.flow
    zeros = any(_is_adapter(leaf) for leaf in flow.tagged("adapter"))
    if context.broken or design.training.get("sampling_only") or not zeros:
        return
    attached = _attached(context)
    for leaf in flow.tagged("add"):
        if leaf.key in attached:
            continue
        made = {port.name: makers(flow, leaf, port.name) for port in leaf.spec.inputs}
        port = next(
            (port for port, ones in made.items() if ones and all(_is_adapter(one) for one in ones)), None
        )
        if port is None or not any(
            one.has(*LEARNED) and not _is_adapter(one) for key in made if key != port for one in made[key]
        ):
            continue
        after = [one for one in flow.downstream(leaf.key) if one.key not in attached]
        free = [
            one for one in after if one.has(*LEARNED) and not _is_adapter(one) and not is_frozen(design, one)
        ]
        if free:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"{made[port][0].place} is attached at 0, but {free[0].place} and what else it is attached to is trained too; "
                "freeze it",
                leaf.place,
                port,
                received=f"{free[0].place} trained",
                expected="the network frozen",
                fix=_fix(context),
                reference=RULE.article,
                path=leaf.path,
            )
            return  # one setting mends all


def _is_adapter(leaf: Leaf) -> bool:
    return leaf.has("adapter") and leaf.starts_at_zero


def _attached(context: RuleContext) -> set[tuple[str, ...]]:
    """What leads to the output through adapters alone."""
    flow = context.flow
    graph = flow.graph.copy()
    graph.remove_nodes_from([leaf.key for leaf in flow.tagged("adapter") if _is_adapter(leaf)])
    ends = {key for found in flow.outputs.values() for key, _ in found}
    direct = ends.union(*(nx.ancestors(graph, end) for end in ends if end in graph))
    return set(flow.leaves) - direct


def _fix(context: RuleContext) -> Fix:
    """Freeze the main definition; of it, train the outermost calls that hold what is attached alone."""
    inside, flow = _attached(context), context.flow
    learned = [leaf for leaf in flow.leaves.values() if leaf.has(*LEARNED)]
    mine = [leaf for leaf in learned if leaf.key in inside]
    others = [leaf for leaf in learned if leaf.key not in inside]
    return Fix(
        "Freeze the network, train what is attached",
        (
            {"op": "training", "name": "frozen", "value": [context.design.main]},
            {"op": "training", "name": "trainable", "value": outermost(context.design, mine, others)},
        ),
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return denoiser({"call": "ZeroConv", "params": {"out_channels": 16}}, {})


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return denoiser({"call": "ZeroConv", "params": {"out_channels": 16}})
