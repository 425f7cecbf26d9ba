"""A001: post-norm transformer."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation
from designer.rules import Rule, RuleContext, examples
from designer.rules.residuals import Stack

RULE = Rule(
    code="A001",
    title="Post-norm transformer",
    severity="error",
    family="advice",
    effect=1.0,
    what="A stack of at least six transformer blocks normalises the carried stream itself, after each sum.",
    why="The gradient of early blocks vanishes and tokens collapse to their mean: at 12 and 24 blocks nothing was learned (normalised loss ≥ .99, early gradients 300–630 times smaller, 100 steps of warm-up no help); at 4 blocks no difference.",
    example="x = norm(x + attention(x)), twelve times.",
    instead="Pre-norm: x = x + attention(norm(x)); or DeepNorm's α and initialisation.",
    article="11.3",
    reference="Xiong et al. 2020, arXiv:2002.04745",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Severity follows the depth: error from 12 blocks, warning from 6."""
    for stack in context.stacks:
        if stack.is_transformer and stack.post_norms and stack.depth >= 6 and not _deep_norm(stack):
            norm = stack.post_norms[0]
            yield Diagnostic(
                RULE.code,
                "error" if stack.depth >= 12 else "warning",
                f"{stack.depth} blocks normalise the carried stream at {norm.place}: early blocks get no gradient; "
                "normalise at the start of each branch instead",
                stack.place,
                received=f"post-norm, {stack.depth} blocks",
                expected="pre-norm",
                fix=_fix(stack),
                reference=RULE.article,
            )


def _deep_norm(stack: Stack) -> bool:
    """DeepNet scales the stream up before the sum (α > 1): its post-norm is stable."""
    return any((leaf.number("factor") or 0) > 1 for leaf in stack.scaled_sums)


def _fix(stack: Stack) -> Fix | None:
    """Let each norm read the stream before its sum and feed the branch; the sum itself goes on."""
    operations, renamed = list[Operation](), dict[str, str]()
    for update in reversed(stack.updates):  # from the entry on
        norm = next(
            (one for one in stack.post_norms if update.sum in stack.flow.into(one, one.spec.inputs[0].name)),
            None,
        )
        definition, add = update.sum.frame.definition, update.sum.call.node.id
        trunk = next(f"{add}.{port.name}" for port in update.sum.spec.inputs if port.name != update.port)
        if norm is None or norm.frame.definition is not definition or trunk not in definition.sources:
            return None
        name, place = norm.call.node.id, {"definition": definition.name}
        source, made, total = (
            definition.sources[trunk],
            f"{name}.{norm.spec.outputs[0].name}",
            f"{add}.{update.sum.spec.outputs[0].name}",
        )
        start = renamed.get(source, source)
        entries = [target for end, target in definition.edges if end == source and target != trunk]
        wires = [
            (start, f"{name}.{norm.spec.inputs[0].name}"),
            (start, trunk),
            *((made, target) for target in entries),
        ]
        wires += [(total, target) for end, target in definition.edges if end == made]
        operations += [{"op": "connect", **place, "source": end, "target": target} for end, target in wires]
        outputs = [port.name for port in definition.outputs if port.source == made]
        operations += [{"op": "output", **place, "port": port, "source": total} for port in outputs]
        renamed[made] = total
    return Fix("Normalise at the start of each branch", tuple(operations)) if operations else None


def _block(post: bool) -> examples.Document:
    nodes = {
        "norm": {"call": "LayerNorm"},
        "attn": {"call": "SelfAttention", "params": {"num_heads": 4}},
        "add": {"call": "Add"},
    }
    before = [("x", "attn.x"), ("add.out", "norm.x")] if post else [("x", "norm.x"), ("norm.out", "attn.x")]
    edges = [*before, ("x", "add.a"), ("attn.out", "add.b")]
    return examples.block(nodes, edges, "norm.out" if post else "add.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return examples.transformer(_block(post=True), 12)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.transformer(_block(post=False), 12)
