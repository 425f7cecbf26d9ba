"""The code of one call, as text: operators in place, functions with their arguments, modules by attribute."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from designer.document import Definition
from designer.plan.constructor import Site
from designer.plan.texts import close_powers
from designer.spec import BlockSpec

_OPERATOR = re.compile(r"^[\w.\[\]]+(\(.*\))?(\[.*\])?$", re.DOTALL)


@dataclass(frozen=True)
class Expression:
    """Code for a value: what it reads (endpoints), how deeply calls are nested, which node made it."""

    text: str
    reads: tuple[str, ...] = ()
    depth: int = 0
    nodes: tuple[str, ...] = ()
    composite: bool = False  # whether it calls a definition with several inputs

    def fits(self, template: str, port: str) -> bool:
        """Whether the text can stand in an operator template at an input without parentheses."""
        depth, operators = 0, ""
        for character in self.text:
            depth += (character in "([{") - (character in ")]}")
            operators += character if depth == 0 and character in "+-*/" else ""
        allowed = "+-*" if template.startswith(f"{{{port}}} + ") else "*" if " + " in template else ""
        return set(operators) <= set(allowed)


def apply(node: str, site: Site, values: Mapping[str, Expression]) -> Expression:
    """Return the code of one call whose inputs are these expressions."""
    target = site.call.target
    reads = tuple(read for value in values.values() for read in value.reads)
    nodes = (*(one for value in values.values() for one in value.nodes), node)
    depth = 1 + max((value.depth for value in values.values()), default=0)
    if isinstance(target, BlockSpec) and target.kind == "expression":
        is_call = _OPERATOR.match(target.target.split("(")[0]) is not None and target.target.endswith(
            (")", "]")
        )
        passes = target.target == f"{{{target.inputs[0].name}}}" if target.inputs else False
        bare = {
            port: value.text if is_call or passes or value.fits(target.target, port) else f"({value.text})"
            for port, value in values.items()
        }
        text = close_powers(_spliced(target.target, bare).format(**bare, **_read(site)))
    elif isinstance(target, BlockSpec) and target.kind == "function":
        given = [value.text for value in values.values()] + _function_arguments(site, target)
        text = f"{target.target}({', '.join(given)})"
    else:
        text = module_call(site, f"self.{site.attribute}", [value.text for value in values.values()])
    composite = is_composite(site) or any(value.composite for value in values.values())
    return Expression(text, reads, depth, nodes, composite)


def module_call(site: Site, module: str, arguments: list[str]) -> str:
    """Return the call of a node's module, through PyTorch's checkpointing where the design asks for it."""
    if site.call.node.checkpoint:
        return f"checkpoint({', '.join([module, *arguments])}, use_reentrant=False)"
    return f"{module}({', '.join(arguments)})"


def is_composite(site: Site) -> bool:
    """A call of a definition with several inputs deserves a line of its own."""
    return isinstance(site.call.target, Definition) and len(site.call.inputs) > 1


def _read(site: Site) -> dict[str, str]:
    """The source of each argument as forward reads it."""
    found: dict[str, str] = {}
    for name in site.texts:
        attribute = site.attributes.get(name)
        item = "[i]" if site.indexed(name) else ""
        found[name] = f"self.{attribute}{item}" if attribute else site.source(name)
    return found


def _function_arguments(site: Site, spec: BlockSpec) -> list[str]:
    """What follows the inputs in the call of a function; defaults are left out."""
    read, given = _read(site), []
    for param in spec.params:
        if param.inferred or param.structural:
            continue
        if param.positional:
            given.append(read[param.name])
        elif param.default is None or site.texts[param.name] != repr(param.default):
            given.append(f"{param.name}={read[param.name]}")
    return given


def _spliced(template: str, texts: dict[str, str]) -> str:
    """Where a template unpacks a list that is written out, put the items themselves: [*[a, b], c] is [a, b, c]."""
    for port, text in texts.items():
        if (
            f"*{{{port}}}" in template
            and text.startswith("[")
            and text.endswith("]")
            and balanced(text[1:-1])
        ):
            template = template.replace(f"*{{{port}}}", f"{{{port}}}")
            texts[port] = text[1:-1]
    return template


def balanced(text: str) -> bool:
    """Whether each bracket that closes was opened in the text, and each that opens is closed."""
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return False
    return depth == 0


def listed(text: str) -> list[str]:
    """Return the items of a list that is written with commas; those within brackets stay together."""
    items, depth = [""], 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            items.append("")
        else:
            items[-1] += character
    return [item.strip() for item in items]
