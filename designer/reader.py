"""From parsed JSON to `Design`: the form of the document, checked field by field."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from designer import budgets, training
from designer.document import FORMAT, FORMAT_VERSION, Definition, Design, DesignPort, Node, Parameter
from designer.errors import UserError
from designer.recent import Recent

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}\Z")
ENDPOINT = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}(\.[A-Za-z_][A-Za-z0-9_]{0,63}(\[\])?)?\Z")
MAX_DEPTH = 20
MAX_INTEGER = 10**18
TYPES = ("int", "float", "bool", "str", "list", "block")
# Migrations from older format versions, applied in order: version n → n + 1.
MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


class _Reader:
    """One JSON object and the place where it stands, for messages."""

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise UserError(f"{place or 'the document'}: expected an object, received {_kind(value)}")
        self.value = value
        self.place = place

    def at(self, key: str) -> str:
        return _below(self.place, key)

    def only(self, *keys: str) -> None:
        unknown = sorted(set(self.value) - set(keys))
        if unknown:
            raise UserError(f"{self.at(unknown[0])}: unknown key; expected one of {', '.join(keys)}")

    def take(self, key: str, kind: type | tuple[type, ...], default: Any) -> Any:
        value = self.value.get(key, default)
        if key in self.value and (
            not isinstance(value, kind) or (isinstance(value, bool) and bool not in _kinds(kind))
        ):
            expected = " or ".join(_NAMES[one] for one in _kinds(kind))
            raise UserError(f"{self.at(key)}: expected {expected}, received {_kind(value)}")
        return value

    def require(self, key: str, kind: type, default: Any) -> Any:
        if key not in self.value:
            raise UserError(f"{self.at(key)}: is missing")
        return self.take(key, kind, default)


_NAMES: dict[type, str] = {
    str: "a string", int: "an integer", float: "a number", bool: "true or false", list: "a list", dict: "an object",
}  # fmt: skip


def _kinds(kind: type | tuple[type, ...]) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _kind(value: Any) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def _below(place: str, key: str) -> str:
    """The place of a key, on one line whatever the key is."""
    shown = key if key.isprintable() and len(key) <= 80 else f"{key!r:.80}"
    return f"{place}.{shown}" if place else shown


def _name(text: Any, place: str) -> str:
    if not isinstance(text, str) or not IDENTIFIER.match(text):
        raise UserError(
            f"{place}: {text!r:.80} is not a name; use letters, digits and _ (at most 64), no digit first"
        )
    return text


def _sound(value: Any, place: str, depth: int = 0) -> None:
    """Refuse what could not be written back: numbers that are not finite, lone surrogates, bottomless nesting."""
    if depth > MAX_DEPTH:
        raise UserError(f"{place}: nested too deeply; a design has at most {MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not _encodable(key):
                raise UserError(f"{place}: the key {key!r} is not valid text")
            _sound(item, _below(place, key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _sound(item, f"{place}[{index}]", depth + 1)
    elif isinstance(value, str) and not _encodable(value):
        raise UserError(f"{place}: {value!r:.80} is not valid text")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{place}: received {value}; expected a finite number")
    elif isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise UserError(f"{place}: received a number of more than 18 digits; expected a smaller one")


def _encodable(text: Any) -> bool:
    return isinstance(text, str) and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def read_design(raw: Any, known: Recent[Definition] | None = None) -> Design:
    """Build a Design from parsed JSON. Raises UserError naming the place of the first problem of form.

    Definitions that are `known` by the same text are the same objects again.
    """
    reader = _Reader(raw, "")
    if reader.value.get("format") != FORMAT:
        raise UserError(
            f'not a design: expected "format": "{FORMAT}", received {reader.value.get("format")!r}'
        )
    version = reader.require("format_version", int, 0)
    if version > FORMAT_VERSION:
        raise UserError(
            f"format_version {version} is newer than this program reads (up to {FORMAT_VERSION}); update the designer"
        )
    if version < 1:
        raise UserError(f"format_version: expected 1 … {FORMAT_VERSION}, received {version}")
    for step in range(version, FORMAT_VERSION):
        reader = _Reader(MIGRATIONS[step](reader.value), "")
    _sound(reader.value, "")
    reader.only(
        "format",
        "format_version",
        "name",
        "preset",
        "parameters",
        "main",
        "training",
        "budgets",
        "definitions",
        "layout",
    )
    definitions = _definitions(reader, known)
    main = _name(reader.require("main", str, ""), "main")
    if main not in definitions:
        raise UserError(
            f"main: names {main!r}, which is not defined; definitions are {', '.join(definitions) or 'none'}"
        )
    return Design(
        name=reader.take("name", str, main),
        main=main,
        definitions=definitions,
        parameters=_main_values(reader, definitions[main]),
        training=_training(reader.take("training", dict, {})),
        budgets=_budgets(reader.take("budgets", dict, {})),
        layout=reader.take("layout", dict, {}),
        preset=reader.take("preset", str, ""),
    )


def _training(values: dict[str, Any]) -> dict[str, Any]:
    training.require(values)
    return values


def _budgets(values: dict[str, Any]) -> dict[str, Any]:
    budgets.require(values)
    return values


def _values(reader: _Reader) -> dict[str, Any]:
    return {_name(key, reader.at(key)): value for key, value in reader.value.items()}


def _definitions(reader: _Reader, known: Recent[Definition] | None) -> dict[str, Definition]:
    raw = _Reader(reader.require("definitions", dict, {}), "definitions")
    found: dict[str, Definition] = {}
    for name, value in raw.value.items():
        text = "" if known is None else json.dumps((name, value))
        definition = None if known is None else known.find(text)
        if definition is None:
            definition = _definition(_name(name, raw.at(name)), value, raw.at(name))
            if known is not None:
                known.keep(text, definition)
        found[name] = definition
    return found


def _definition(name: str, value: Any, place: str) -> Definition:
    reader = _Reader(value, place)
    reader.only("doc", "reference", "parameters", "inputs", "outputs", "nodes", "edges")
    nodes = _Reader(reader.take("nodes", dict, {}), reader.at("nodes"))
    parameters = _Reader(reader.take("parameters", dict, {}), reader.at("parameters"))
    inputs = tuple(
        _port(port, f"{place}.inputs[{i}]", False) for i, port in enumerate(reader.take("inputs", list, []))
    )
    outputs = tuple(
        _port(port, f"{place}.outputs[{i}]", True) for i, port in enumerate(reader.take("outputs", list, []))
    )
    for ports, kind in ((inputs, "inputs"), (outputs, "outputs")):
        names = [port.name for port in ports]
        repeated = [one for one in names if names.count(one) > 1]
        if repeated:
            raise UserError(f"{place}.{kind}: two ports are named {repeated[0]!r}; names must be unique")
    return Definition(
        name=name,
        doc=reader.take("doc", str, ""),
        reference=reader.take("reference", str, ""),
        parameters={
            _name(key, parameters.at(key)): _parameter(one, parameters.at(key))
            for key, one in parameters.value.items()
        },
        inputs=inputs,
        outputs=outputs,
        nodes={_name(key, nodes.at(key)): _node(key, one, nodes.at(key)) for key, one in nodes.value.items()},
        edges=tuple(
            _edge(edge, f"{place}.edges[{i}]") for i, edge in enumerate(reader.take("edges", list, []))
        ),
    )


def _main_values(reader: _Reader, main: Definition) -> dict[str, Any]:
    values = _values(_Reader(reader.take("parameters", dict, {}), "parameters"))
    types = {name: one.type for name, one in main.parameters.items()}
    return {name: _typed(types.get(name, ""), value) for name, value in values.items()}


def _typed(kind: str, value: Any) -> Any:
    """A whole number of a float parameter is a float: JSON written by a browser has 4 for 4.0."""
    return float(value) if kind == "float" and type(value) is int else value


def _parameter(value: Any, place: str) -> Parameter:
    if not isinstance(value, dict):  # shorthand: the default alone
        return Parameter(type=_type_of(value, place), default=value)
    reader = _Reader(value, place)
    reader.only("type", "default", "help", "min", "max", "choices", "unit")
    kind = reader.take("type", str, "int")
    if kind not in TYPES:
        raise UserError(f"{place}.type: expected one of {', '.join(TYPES)}, received {kind!r}")
    return Parameter(
        type=kind,
        default=_typed(kind, value.get("default")),
        help=reader.take("help", str, ""),
        minimum=reader.take("min", (int, float), None),
        maximum=reader.take("max", (int, float), None),
        choices=tuple(reader.take("choices", list, [])),
        unit=reader.take("unit", str, ""),
    )


def _type_of(value: Any, place: str) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "str"), (list, "list")):
        if isinstance(value, kind):
            return name
    raise UserError(f"{place}: expected a parameter declaration or a default value, received {_kind(value)}")


def _port(value: Any, place: str, is_output: bool) -> DesignPort:
    reader = _Reader(value, place)
    reader.only("name", "role", "shape", "dtype", "stack", "optional", "from", "help")
    source = ""
    if is_output:
        ends = reader.require("from", list, [])
        source = _endpoint(".".join(str(end) for end in ends), reader.at("from"))
    dtype = reader.take("dtype", str, "")
    if dtype not in ("", "float32", "int64", "bool"):
        raise UserError(f"{place}.dtype: expected float32, int64 or bool, received {dtype!r}")
    return DesignPort(
        name=_name(reader.require("name", str, ""), reader.at("name")),
        role=_name(reader.take("role", str, "any"), reader.at("role")),
        shape=_shape(reader.take("shape", str, ""), reader.at("shape")),
        dtype=dtype,
        stack=reader.take("stack", bool, False),
        optional=reader.take("optional", bool, False),
        source=source,
        help=reader.take("help", str, ""),
    )


def _shape(text: str, place: str) -> str:
    if len(text) > 500:
        raise UserError(f"{place}: {len(text)} characters; a shape has at most 500")
    return text


def _node(name: str, value: Any, place: str) -> Node:
    reader = _Reader(value, place)
    reader.only("call", "params", "repeat", "when", "instance", "checkpoint", "help")
    instance = reader.take("instance", str, None)
    return Node(
        id=name,
        call=_call(reader.require("call", str, ""), reader.at("call")),
        params=_values(_Reader(reader.take("params", dict, {}), reader.at("params"))),
        repeat=reader.take("repeat", (int, str), None),
        when=reader.take("when", str, None),
        instance=None if instance is None else _name(instance, reader.at("instance")),
        checkpoint=reader.take("checkpoint", bool, False),
        help=reader.take("help", str, ""),
    )


def _call(text: str, place: str) -> str:
    """A block or definition by name, or "=parameter" for a socket that a parameter of type block fills."""
    return f"={_name(text[1:], place)}" if text.startswith("=") else _name(text, place)


def _endpoint(text: str, place: str) -> str:
    if not ENDPOINT.match(text):
        raise UserError(
            f'{place}: {text!r:.80} is not an endpoint; expected "node.port" or the name of an input'
        )
    return text


def _edge(value: Any, place: str) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2 or not all(isinstance(end, str) for end in value):
        raise UserError(f'{place}: expected a pair ["node.port", "node.port"], received {value!r:.80}')
    return _endpoint(value[0], place), _endpoint(value[1], place)
