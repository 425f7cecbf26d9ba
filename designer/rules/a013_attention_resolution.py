"""A013: attention over many pixels in a U-Net."""

from collections.abc import Iterable, Mapping

from designer.catalogue import catalogue
from designer.diagnostics import Diagnostic, Fix
from designer.dims import Dim
from designer.document import Definition, Design
from designer.operations import bypass, setting
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A013",
    title="Attention at high resolution",
    severity="warning",
    family="advice",
    effect=0.01,
    what="Self-attention over more than 32×32 pixels at the size for which the design is meant.",
    why="Cost grows with the square of the tokens, and gradients become noisier (literature, not measured here).",
    example="Attention at 64×64 in a pixel-space U-Net.",
    instead="Place attention at 32×32 or below; ADM uses 32, 16 and 8.",
    article="9",
    reference="Dhariwal & Nichol 2021, arXiv:2105.05233",
)
LIMIT = 32 * 32


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Count the pixels at each attention node for the design's own sample shape."""
    shape = context.design.training.get("sample_shape")
    if not isinstance(shape, list) or len(shape) != 3:
        return
    point = {"B": 1, "H": shape[1], "W": shape[2]}
    for leaf in context.flow.tagged("attention"):
        tokens = _tokens(context, leaf, point)
        if tokens > LIMIT:
            yield Diagnostic(
                RULE.code,
                "warning",
                f"attention over {tokens} pixels at sample size {shape[1]}×{shape[2]}; at most {LIMIT} is advised",
                leaf.place,
                received=str(tokens),
                expected=f"at most {LIMIT}",
                fix=_fix(context.design, leaf),
                reference=RULE.article,
                path=leaf.path,
            )


def _tokens(context: RuleContext, leaf: Leaf, point: Mapping[str, int]) -> int:
    """The pixels that attention is over: on a map, or on the tokens of one in a U-Net on images.

    Attention to a neighbourhood, tokens of transformers and latent networks are left to their designers: 0.
    """
    first = leaf.spec.inputs[0]
    value = leaf.input(first.name)
    local = any(port.role == "map" for port in leaf.spec.inputs[1:])
    if not isinstance(value, Tensor) or local:
        return 0
    sizes = value.shape[2:] if first.role == "map" else value.shape[-2:-1] if _is_image_unet(context) else ()
    total = Dim.of(1 if sizes else 0)
    for size in sizes:
        total = total * Dim.of(size)
    return total.evaluate(point) if total.symbols <= point.keys() else 0


def _is_image_unet(context: RuleContext) -> bool:
    """Whether a network on images has long skips."""
    images = any(port.role == "image" for port in context.design.main_definition.inputs)
    joints = context.flow.tagged("concat", "fusion", "add") if images else ()
    return any(
        isinstance(value, Tensor) and value.role == "skip"
        for leaf in joints
        for value in leaf.call.inputs.values()
    )


def _fix(design: Design, leaf: Leaf) -> Fix | None:
    """Switch attention off at this level where a parameter decides it; elsewhere leave the call out."""
    chain = [design.main_definition]
    for name in leaf.path[:-1]:
        inner = design.definitions.get(chain[-1].nodes[name].call)
        if inner is None:
            return None
        chain.append(inner)
    for depth in reversed(range(len(chain))):
        definition, node = chain[depth], chain[depth].nodes[leaf.path[depth]]
        if node.when in definition.parameters and depth:
            operation = setting(design, leaf.path[:depth], str(node.when), False)
            where = f"{operation.get('definition')}/{operation.get('node')}" if operation else ""
            return Fix(f"Leave attention out of {where}", (operation,)) if operation else None
    for depth in reversed(
        range(len(chain))
    ):  # the innermost call that the trunk goes through: a residual block, or no sum
        definition, name = chain[depth], leaf.path[depth]
        source = definition.sources.get(f"{name}.x")
        inner = design.definitions.get(definition.nodes[name].call)
        if source and (_sums(inner, None) if inner else not _sums(definition, name)):
            return Fix(f"Leave {definition.name}/{name} out", bypass(definition, name, source))
    return None


def _sums(definition: Definition, node: str | None) -> bool:
    """Whether a sum stands in a definition, or right behind one of its nodes."""
    behind = {target.partition(".")[0] for start, target in definition.edges if start.startswith(f"{node}.")}
    names = definition.nodes.keys() if node is None else behind
    called = [catalogue().get(definition.nodes[name].call) for name in names]
    return any(spec is not None and "add" in spec.tags for spec in called)


def _attending(size: int) -> examples.Document:
    return examples.convolutional(
        {"attn": {"call": "SpatialSelfAttention"}},
        [("h.out", "attn.x")],
        "attn.out",
        training={"sample_shape": [3, size, size]},
    )


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _attending(64)


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _attending(32)
