"""What a block declares about itself, beside its code: ports, parameters, shapes, cost, stability.

Everything is data. Shapes, costs and constraints are texts in the language of `designer.expressions`, so a
spec can be read without running the block's code (and without importing torch).

`tags` says in words of `TAGS` what kind of operator a block is, and `gate` what a gate promises; rules ask for
these, never for the names of blocks. Every block has at least one tag.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

TAGS = {
    "activation": "a pointwise nonlinearity",
    "adapter": "attaches to a pretrained network; must start as the identity (control, tuner, adapter)",
    "add": "the sum of streams, weights included",
    "attention": "mixes tokens by softmax or kernel weights",
    "batch_statistics": "statistics over the batch: noise levels mix",
    "blend": "a weighted mean of a stream and its own update",
    "bounded_logits": "attention whose logits cannot grow without bound (QK-norm, cosine, cap, clip)",
    "concat": "joins streams along channels or features",
    "conv": "mixes neighbouring pixels or frames",
    "cross_attention": "attention whose keys and values come from a context",
    "downsample": "reduces the resolution",
    "embedding": "a condition (time, class, text, size) as a vector or tokens",
    "ffn": "a feed-forward network on each token",
    "fusion": "where a skip meets the trunk",
    "gate": "puts out a weight for a stream; see `gate`",
    "gated_ffn": "a feed-forward network with a multiplicative gate",
    "gating": "multiplies a stream by a weight that comes in",
    "highest": "keeps the largest value of a window",
    "inference_only": "changes a trained network while sampling; wrong on a training path",
    "linear": "an affine map of channels or features",
    "lowpass": "removes high frequencies before or after resampling",
    "modulation": "scales and shifts features by a condition",
    "modulator": "puts out the scales, shifts or gates of a modulation",
    "needs_norm": "grows the stream on purpose: a norm must follow at once",
    "noise_level": "computes log-SNR or sigma from the timestep, for a schedule",
    "norm": "output of unit second moment whatever comes in",
    "normalized_add": "a sum divided so that unit inputs give a unit output",
    "pool": "averages over pixels or tokens",
    "position": "adds or rotates by positions",
    "residual_gate": "a learned amplitude of a residual branch (LayerScale, ReZero, bounded gates)",
    "reshape": "moves values, computes nothing",
    "scale": "multiplies by a constant",
    "scale_shift": "multiplies features by 1 + a scale that comes in and adds a shift",
    "softmax": "positive weights that sum to 1",
    "stochastic": "random in training, deterministic in evaluation",
    "time_embedding": "the timestep or noise level as a vector, log-scaled or bounded",
    "upsample": "raises the resolution",
}


@dataclass(frozen=True)
class Port:
    """A tensor that goes in or comes out.

    `shape` is a pattern such as "B in_channels H W": a bare name binds to the size found there (and so infers
    a parameter of that name), any other text must equal it; "*S" stands for any number of leading axes, and
    "~S" for a weight of the axes of "*S" at an earlier input: each of its axes is 1 or the same, or it has none.
    An output's `role` "same:x" copies the role of input x.
    """

    name: str
    role: str
    shape: str
    optional: bool = False
    stack: bool = False
    dtype: str = ""
    help: str = ""


@dataclass(frozen=True)
class Param:
    """A parameter: its type, default, range, unit and help drive the form, the checks and the call.

    A parameter without default is required, unless `inferred` from the shape of an input. `omit` is the value
    at which the argument is left out of rendered calls (default: `default`); a parameter with `choices` takes
    only these. `structural` parameters change ports or shapes, not the constructor call.
    """

    name: str
    type: Literal["int", "float", "bool", "str", "list", "block"]
    default: Any = None
    inferred: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""
    help: str = ""
    omit: Any = "default"
    positional: bool = False
    structural: bool = False

    @property
    def required(self) -> bool:
        """Whether a call must give or infer the value."""
        return self.default is None


@dataclass(frozen=True)
class Stability:
    """The stability annotation: what is stabilised, how, the variance gain at initialisation, the source.

    `gain` is an expression for E[output²]/E[input²] at initialisation, "" where it is not a plain factor; of
    averages over positions and attention it is that for positions that have nothing in common. `values` gives
    outputs that follow the noise level alone, as expressions of `log_snr`, `sigma` and the parameters. `weights`
    gives the factors of the inputs of a sum, as expressions of the parameters and of the rms of the inputs.
    `gains` states a gain for each output where they differ; an output named as an input is that input, changed.
    """

    stabilises: str
    mechanism: str
    gain: str = ""
    bounded: bool = False
    zero_init: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    gains: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gate:
    """What a gate promises about the weights that it puts out, at the outputs `ports` (all when empty).

    `granularity` is one weight for each sample (scalar), channel, pixel (spatial), element (full), attention
    head or token; "" is that of the gate that comes in. `low` and `high` bound its values, `initial` is the
    value at initialisation and `slope` the largest |change| per unit of log-SNR, negative when the gate falls
    as the signal grows: expressions of the parameters, "inf" for none, "" for not known. `sources` says what
    the value follows: level, time, condition, trunk, skip; () is what comes in.
    """

    ports: tuple[str, ...] = ()
    granularity: Literal["", "scalar", "channel", "spatial", "full", "head", "token"] = ""
    low: str = "-inf"
    high: str = "inf"
    sources: tuple[str, ...] = ()
    learned: bool = False
    initial: str = ""
    slope: str = ""


@dataclass(frozen=True)
class Constraint:
    """A condition on parameters and sizes, with the reason given when it does not hold.

    A condition of the form "a % b == 0" on symbolic sizes becomes part of the certificate.
    """

    condition: str
    message: str


@dataclass(frozen=True)
class Example:
    """A call for the contract test: parameter values and the shape of each input."""

    inputs: dict[str, tuple[int, ...]]
    params: dict[str, Any]


@dataclass(frozen=True)
class BlockSpec:
    """One block.

    `saved` lists what backward needs, each a port whose value is kept (one storage, whoever else keeps it too)
    or a number of elements made inside; "x if scale" holds where the gradient of scale is needed, or a
    condition on parameters and sizes is true. `views` says which outputs are views of an input, of an earlier
    output, or of the block's own weights ("self"); `work` is what the forward pass has alive beside inputs and
    outputs at its worst, by default the elements that `saved` counts.

    `kind` says how it is rendered: "module" copies the class `target` of the same file, "torch" constructs the
    module `target` of torch (such as nn.Conv2d), "function" copies the function `target` and calls it, and
    "expression" prints `target`, a Python expression over inputs and parameters such as "{a} + {b}".

    `state` is the module's state dict: the name of each tensor, and its shape as a pattern of parameters such as
    "out_features in_features"; "*sizes" stands for the items of a list, and " if bias" says when it is there.
    """

    name: str
    title: str
    family: str
    kind: Literal["module", "torch", "function", "expression"]
    target: str
    summary: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    params: tuple[Param, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    parameters: str = "0"
    state: dict[str, str] = field(default_factory=dict)
    flops: str = "0"
    saved: tuple[str, ...] = ()
    views: dict[str, str] | None = None
    work: str = ""
    formula: str = ""
    reference: str = ""
    article: str = ""
    stability: Stability = Stability("", "")
    tags: tuple[str, ...] = ()
    gate: Gate | None = None
    glyph: str = "▢"
    examples: tuple[Example, ...] = ()
    initialize: dict[str, str] | None = None
    frozen: bool = False

    def param(self, name: str) -> Param | None:
        """Return the declaration of parameter `name`, or None."""
        return next((param for param in self.params if param.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return the catalogue entry as plain JSON values."""
        entry = asdict(self)
        entry["parameters"] = [_param_json(param) for param in self.params]
        for key in (
            "params", "state", "flops", "saved", "views", "work", "examples", "initialize", "constraints", "target",
        ):  # fmt: skip
            entry.pop(key)
        entry["constraints"] = [constraint.condition for constraint in self.constraints]
        return entry


def _param_json(param: Param) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": param.name, "type": param.type, "help": param.help, "unit": param.unit}
    if param.default is not None:
        entry["default"] = param.default
    if param.inferred:
        entry["inferred"] = True
    for key, value in (
        ("min", param.minimum),
        ("max", param.maximum),
        ("choices", list(param.choices) or None),
    ):
        if value is not None:
            entry[key] = value
    return entry
