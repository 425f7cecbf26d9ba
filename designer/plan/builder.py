"""One definition as one class: which nodes it constructs, with which arguments, and how forward reads."""

import textwrap
from collections.abc import Mapping
from typing import Any

from designer import expressions
from designer.dims import Dim
from designer.document import Definition, Design, DesignPort
from designer.plan.bound import bound_sizes
from designer.plan.constructor import Site, constructor_lines
from designer.plan.forward import ForwardPlan
from designer.plan.initialization import initialize_lines
from designer.plan.model import Argument, ClassPlan
from designer.plan.texts import (
    InexpressibleError,
    argument_text,
    choice_condition,
    fold,
    is_constant,
    plain,
    python_source,
    quoted,
)
from designer.plan.variants import Variant
from designer.shapes.binding import SizeList
from designer.shapes.frame import Call, Frame
from designer.shapes.params import declarations
from designer.shapes.values import Tensor, shape_text
from designer.spec import BlockSpec, Param

_ANNOTATIONS = {"int": "int", "float": "float", "bool": "bool", "list": "Sequence[int]"}


class ClassBuilder:
    """Plans one class in three steps: symbols, texts of arguments (`resolve`), lines (`finish`)."""

    symbolic: Frame

    def __init__(
        self,
        design: Design,
        variant: Variant,
        implicit: Mapping[str, Mapping[str, Param]],
        constants: dict[str, Any],
    ) -> None:
        self.design = design
        self.definition = definition = variant.definition
        self.frames = variant.frames
        self.live = variant.live
        self.inputs = variant.inputs
        self.implicit_of = implicit
        self.implicit = implicit[definition.name]
        self.constants = constants
        self.sites: dict[str, Site] = {}
        self.plan = ClassPlan(variant.name, definition.name, _doc(definition))
        self.kept: set[str] = set()

    @property
    def declared(self) -> dict[str, Param]:
        """Parameters of the class: the definition's own, sizes that its inputs name, what it reads of the design."""
        sizes = {} if self.definition.name == self.design.main else bound_sizes(self.definition)
        return {**declarations(self.definition), **sizes, **self.implicit}

    def symbols(self) -> dict[str, Any]:
        """The symbolic stand-in of each parameter; constants stand for themselves."""
        found: dict[str, Any] = {}
        for name, declaration in self.declared.items():
            if name in self.constants:
                found[name] = self.constants[name]
            else:
                found[name] = SizeList(name=name) if declaration.type == "list" else Dim.symbol(name)
        return found

    # -- step two -----------------------------------------------------------------------------------------

    def resolve(self, by_frame: Mapping[int, Variant]) -> None:
        """Find the text of every argument of every node that is active at some call of this definition."""
        first_of_instance: dict[str, str] = {}
        for name, call in self.symbolic.calls.items():
            if name not in self.live:
                continue
            active = [site for site in self.frames if name in site.calls and _runs(site.calls[name])]
            call.active = bool(active)
            if not active:
                self.sites[name] = Site(call, self.definition.name, {}, name)
                continue
            always = len(active) == len(self.frames)
            known = {**declarations(call.target), **self._bound(call, active)}
            texts = {
                param: argument_text(declaration, call, active, self.design.parameters, self.constants)
                for param, declaration in known.items()
            }
            texts |= {
                param: param for param in self.implicit_of.get(call.target.name, {}) if param not in known
            }
            texts = {param: fold(text, self.constants) for param, text in texts.items()}
            attribute = first_of_instance.setdefault(call.node.instance, name) if call.node.instance else name
            site = Site(call, self.definition.name, texts, attribute, built=attribute == name)
            site.reads = self._reads(call, active, by_frame)
            site.count = self._count(call.node.repeat)
            site.variants, site.choices = self._choices(name, active, by_frame, texts)
            if call.node.when is not None and not (always and self._decided(call.node.when)):
                site.condition = python_source(fold(call.node.when, self.constants))
            if site.count and site.condition:  # a repeat that is switched off is a repeat of none
                site.count, site.condition = f"{site.count} if {site.condition} else 0", ""
            site.attributes = self._attributes(site)
            self.sites[name] = site

    @staticmethod
    def _bound(call: Call, active: list[Frame]) -> dict[str, Param]:
        """The sizes that the inputs of the called definition name, where each call gives them a number."""
        iterations = [one for site in active for one in site.calls[call.node.id].iterations]
        return {
            name: one
            for name, one in bound_sizes(call.target).items()
            if all(isinstance(iteration.names.get(name), int) for iteration in iterations)
        }

    def _reads(self, call: Call, active: list[Frame], by_frame: Mapping[int, Variant]) -> list[str]:
        """The connected inputs that the node takes: a class leaves out those that it does not use."""
        frames = [one.frame for site in active for one in site.calls[call.node.id].iterations if one.frame]
        taken = set(call.inputs).intersection(*(by_frame[id(frame)].inputs for frame in frames))
        return [port for port in call.inputs if port in taken]

    def _decided(self, condition: str) -> bool:
        """Whether constants alone make the condition true."""
        return not expressions.names(fold(condition, self.constants))

    def _count(self, repeat: int | str | None) -> str:
        if repeat is None:
            return ""
        return str(repeat) if isinstance(repeat, int) else python_source(fold(repeat, self.constants))

    def _choices(
        self, node: str, active: list[Frame], by_frame: Mapping[int, Variant], texts: Mapping[str, str]
    ) -> tuple[list[Variant], list[str]]:
        """Return the classes that a node constructs and, for all but the last, the condition on i."""
        used: dict[int, list[tuple[int, Variant]]] = {}
        for site in active:
            for index, iteration in enumerate(site.calls[node].iterations):
                variant = by_frame.get(id(iteration.frame))
                if variant is not None:
                    used.setdefault(index, []).append((id(variant), variant))
        found = list({key: variant for pairs in used.values() for key, variant in pairs}.values())
        if len(found) < 2:
            return found, []
        if any(len({key for key, _ in pairs}) > 1 for pairs in used.values()):
            raise InexpressibleError(self.definition.name, node, "")
        order = {index: pairs[0][1] for index, pairs in used.items()}
        return found, [choice_condition(variant, order, texts) for variant in found[:-1]]

    def _attributes(self, site: Site) -> dict[str, str]:
        """Parameters that forward reads and that are no literals: kept on self under a telling name."""
        spec = site.call.target
        if not isinstance(spec, BlockSpec) or spec.kind not in ("function", "expression"):
            return {}
        read = {param.name for param in spec.params if not (param.inferred or param.structural)}
        return {
            name: text if text.isidentifier() and text != "i" else f"{site.call.node.id}_{name}"
            for name, text in site.texts.items()
            if name in read and not is_constant(text)
        }

    # -- step three ---------------------------------------------------------------------------------------

    def finish(self, builders: Mapping[str, "ClassBuilder"]) -> None:
        """Write the lines, now that the remaining arguments of every callee are known."""
        plan = self.plan
        for site in self.sites.values():
            site.classes = [(one.name, builders[one.name].kept) for one in site.variants]
        active = [site for site in self.sites.values() if site.call.active]
        seen: set[str] = set()
        for site in active:
            for line in constructor_lines(site):
                if line.text not in seen:  # one attribute may serve several functions
                    seen.add(line.text)
                    plan.init.append(line)
        plan.initialize = initialize_lines(active)
        text = "\n".join(line.text for line in plan.init)
        used = _identifiers(text)
        self.kept = {name for name in self.declared if name in used and name not in self.constants}
        plan.arguments = [
            self._argument(name, one) for name, one in self.declared.items() if name in self.kept
        ]
        self._forward()

    def _argument(self, name: str, declaration: Param) -> Argument:
        default = ""
        if self.definition.name == self.design.main:
            value = self.design.parameters.get(name, declaration.default)
            default = quoted(repr(tuple(value) if isinstance(value, list) else value))
        return Argument(name, _ANNOTATIONS[declaration.type], default, declaration.help)

    def _forward(self) -> None:
        plan, definition = self.plan, self.definition
        taken = [port for port in definition.inputs if port.name in self.inputs]
        plan.forward_arguments = [f"{port.name}: {_annotation(port)}" for port in taken]
        outputs = [self._returned(port) for port in definition.outputs]
        plan.returns = outputs[0] if len(outputs) == 1 else f"tuple[{', '.join(outputs)}]"
        comments = self._comments() if definition.name == self.design.main else {}
        plan.forward = ForwardPlan(definition, self.sites, comments).build()
        plan.forward_doc = self._forward_doc()

    def _returned(self, port: DesignPort) -> str:
        """The annotation of an output; what has no axes may be a number, as a gate that only knows its level."""
        value = self.symbolic.outputs.get(port.name)
        return "Tensor | float" if isinstance(value, Tensor) and value.shape == () else _annotation(port)

    def _forward_doc(self) -> list[str]:
        """One line of shapes where they fit, else a line an input."""
        taken = [port for port in self.definition.inputs if port.name in self.inputs]
        inputs = [f"{port.name} {_shape(port)}" for port in taken]
        outputs = [_shape(port) or port.name for port in self.definition.outputs]
        one = f"{', '.join(inputs)} → {', '.join(outputs)}."
        is_main = self.definition.name == self.design.main
        if not is_main and len(one) <= 90:
            return [one]
        named = ", ".join(f"{port.name} {_port_text(port)}".strip() for port in self.definition.outputs)
        arguments = [f"{port.name}: {_port_text(port)}" for port in taken]
        return [f"Return {named}.", *([""] if arguments else []), *arguments]

    def _comments(self) -> dict[str, str]:
        """Shapes worth a comment: where they differ from those of the node's first input."""
        found: dict[str, str] = {}
        for name in self.sites:
            call = self.symbolic.calls[name]
            first = next((str(value) for value in call.inputs.values()), "")
            for port, value in call.outputs.items():
                shape = getattr(value, "shape", None)
                text = "" if shape is None else shape_text(shape)
                if shape is None or text == first or "?" in text or "//" in text:
                    continue
                found[f"{name}.{port}"] = "[" + ", ".join(map(str, shape)) + "]"
        return found


def _runs(call: Call) -> bool:
    """Whether the call happens at all: it is not switched off, nor a repeat of none."""
    return call.active and (call.node.repeat is None or bool(call.iterations))


def _identifiers(code: str) -> set[str]:
    import re

    return set(re.findall(r"(?<![\w.])[A-Za-z_]\w*", code))


def _annotation(port: DesignPort) -> str:
    return "list[Tensor]" if port.stack else "Tensor"


def _shape(port: DesignPort) -> str:
    shape = "[" + ", ".join(port.shape.split()) + "]" if port.shape else ""
    return f"list of {shape or port.name}" if port.stack else shape


def _port_text(port: DesignPort) -> str:
    return " ".join(part for part in (_shape(port), plain(port.help)) if part) or port.role


def _doc(definition: Definition) -> list[str]:
    """The docstring's paragraphs, broken at the line width."""
    doc = plain(definition.doc) or f"{definition.name}."
    paragraphs = [doc, *([plain(definition.reference)] if definition.reference else [])]
    return ["\n    ".join(textwrap.wrap(one, 100)) for one in paragraphs]
