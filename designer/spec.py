"""What a block declares about itself, beside its code: ports, parameters, shapes, cost, stability.

Everything is data. Shapes, costs and constraints are texts in the language of `designer.expressions`, so a
spec can be read without running the block's code (and without importing torch).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Port:
    """A tensor that goes in or comes out.

    `shape` is a pattern such as "B in_channels H W": a bare name binds to the size found there (and so infers
    a parameter of that name), any other text must equal it; "*S" stands for any number of leading axes.
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

    `gain` is an expression for E[output²]/E[input²] at initialisation, "" where it is not a plain factor.
    """

    stabilises: str
    mechanism: str
    gain: str = ""
    bounded: bool = False
    zero_init: bool = False


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

    `kind` says how it is rendered: "module" copies the class `target` of the same file, "torch" constructs the
    module `target` of torch (such as nn.Conv2d), "function" copies the function `target` and calls it, and
    "expression" prints `target`, a Python expression over inputs and parameters such as "{a} + {b}".
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
    flops: str = "0"
    activations: str = ""
    formula: str = ""
    reference: str = ""
    article: str = ""
    stability: Stability = Stability("", "")
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
        for key in ("params", "flops", "activations", "examples", "initialize", "constraints", "target"):
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
