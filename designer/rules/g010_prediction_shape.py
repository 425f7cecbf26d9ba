"""G010: the prediction must have the shape of the sample."""

from collections.abc import Iterable

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation, setting
from designer.rules import Rule, RuleContext, examples
from designer.shapes.values import SAMPLES, Tensor

RULE = Rule(
    code="G010",
    title="Prediction shape",
    severity="error",
    family="gating",
    what="The output is not shaped as the noisy input, or has not twice its channels where the variance is learned.",
    why="Noise, velocity and clean sample all have the shape of the sample; no loss can be formed otherwise.",
    example="A U-Net for 4-channel latents that ends in 3 channels.",
    instead="Set the output channels to the input's, or to twice that with learned_sigma.",
    article="2.1",
    reference="Ho et al. 2020, arXiv:2006.11239; Nichol & Dhariwal 2021, arXiv:2102.09672",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Compare the first output with the sample among the inputs."""
    main = context.design.main_definition
    sample = next((port for port in main.inputs if port.role in SAMPLES), None)
    if context.broken or sample is None or not main.outputs:
        return
    given, output = context.frame.inputs.get(sample.name), context.frame.outputs.get(main.outputs[0].name)
    if not isinstance(given, Tensor) or not isinstance(output, Tensor) or len(given.shape) < 2:
        return
    training = context.design.training
    factor = 2 if training.get("learned_sigma") else 1
    extra = training.get("conditioning_channels", 0)  # of the input: a mask, a masked image
    further = training.get("further_channels", 0)  # of the output, beside the prediction
    channels = training.get("channel_axis", 1)  # 2 for videos that have their frames first
    expected = tuple(
        (size - extra) * factor + further if axis == channels else size
        for axis, size in enumerate(given.shape)
    )
    if len(output.shape) != len(given.shape) or output.shape[channels] != expected[channels]:
        wanted = Tensor(expected)
        yield Diagnostic(
            RULE.code,
            "error",
            f"the prediction is [{output}] for a sample [{given}]; expected [{wanted}]",
            main.name,
            main.outputs[0].name,
            str(output),
            str(wanted),
            fix=_fix(context, output, wanted, channels),
            reference=RULE.article,
        )


def _fix(context: RuleContext, output: Tensor, wanted: Tensor, axis: int) -> Fix | None:
    """Set the width of the convolution, or of the linear layer and the unpatchifying behind it, that makes the output."""
    main, design = context.design.main_definition, context.design
    if len(output.shape) != len(wanted.shape):
        return None
    before, after = output.shape[axis], wanted.shape[axis]
    ends = context.flow.outputs.get(main.outputs[0].name, ())
    leaf = context.flow.leaves.get(ends[0][0]) if len(ends) == 1 else None
    operations: list[Operation | None] = []
    while leaf is not None and isinstance(before, int) and isinstance(after, int):
        params, last = leaf.iteration.params, leaf.has("conv", "linear")
        name = next(
            (one for one in ("out_channels", "out_features") if isinstance(params.get(one), int)), None
        )
        if name and not params[name] * after % before:
            operations.append(setting(design, leaf.path, name, params[name] * after // before))
        if last or not leaf.has("reshape"):
            break
        leaf = next(iter(context.flow.into(leaf, leaf.spec.inputs[0].name)), None)
    shape = {"op": "output", "definition": main.name, "port": main.outputs[0].name, "shape": str(wanted)}
    if leaf is None or not leaf.has("conv", "linear") or not operations or None in operations:
        return None
    declared = [shape] if main.outputs[0].shape else []
    return Fix(f"Let the output have {after} channels", (*(one for one in operations if one), *declared))


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    document = good()
    net = document["definitions"]["Net"]
    net["nodes"]["conv_out"]["params"]["out_channels"] = 4
    net["outputs"][0]["shape"] = "B 4 H W"
    return document


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return examples.convolutional({"act": {"call": "SiLU"}}, [("h.out", "act.x")], "act.out")
