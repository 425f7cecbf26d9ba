"""Stacks of tensors, such as a network's skips, joined."""

from designer.spec import BlockSpec, Port, Stability

SPECS = (
    BlockSpec(
        name="JoinStacks",
        title="Join stacks",
        family="Fusion",
        tags=("reshape",),
        kind="expression",
        target="[*{a}, *{b}]",
        summary="Two stacks of tensors as one: the residuals of all levels of a ControlNet.",
        glyph="⊎",
        inputs=(Port("a", "any", "*S", stack=True), Port("b", "any", "*T", stack=True)),
        outputs=(Port("out", "same:a", "a+b", stack=True),),
        formula="stack = [*a, *b]",
        reference="Zhang et al. 2023, arXiv:2302.05543",
        article="8",
        stability=Stability("", "bookkeeping; values pass unchanged", gain="1"),
    ),
    BlockSpec(
        name="PushLast",
        title="Put on the stack",
        family="Fusion",
        tags=("reshape",),
        kind="expression",
        target="[*{stack}, {last}]",
        summary="Puts one tensor on a stack of tensors.",
        glyph="⊓",
        inputs=(Port("stack", "any", "*S", stack=True), Port("last", "any", "*T")),
        outputs=(Port("out", "same:stack", "stack+last", stack=True),),
        formula="stack = [*stack, last]",
        reference="Ho et al. 2020, arXiv:2006.11239",
        article="2.1",
        stability=Stability("", "bookkeeping; values pass unchanged", gain="1"),
    ),
)
