"""Frozen backbones: which parts of a design keep their weights, by its own names.

A part is a definition ("UNet": wherever it is called) or a node ("ControlledUNet/unet"). What is named
`trainable` inside a frozen part is trained all the same, as the tuners of a frozen U-Net are.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from designer.errors import UserError
from designer.origin import Known
from designer.train.names import design_nodes

if TYPE_CHECKING:
    from torch import nn


def require_parts(training: Mapping[str, Any], known: Iterable[Known]) -> None:
    """Raise UserError for a part that the design has not; `known` are its nodes."""
    pairs = {(definition, node) for _, node, definition in known}
    parts = {definition for definition, _ in pairs} | {"/".join(pair) for pair in pairs}
    for setting in ("frozen", "trainable"):
        for name in training.get(setting, ()):
            if name not in parts:
                definitions = ", ".join(sorted({definition for definition, _ in pairs}))
                raise UserError(
                    f"training.{setting}: the design has no part {name!r}; name a definition ({definitions}) "
                    f'or one of their nodes as "Definition/node"'
                )


def freeze(
    model: "nn.Module",
    known: Iterable[Known],
    frozen: Sequence[str],
    trainable: Sequence[str] = (),
) -> None:
    """Let the parameters of the frozen parts be, and put those parts in evaluation mode.

    Raises UserError when nothing is left to train.
    """
    known = tuple(known)
    nodes = design_nodes(model, known)
    definitions = {kind: definition for kind, _, definition in known}
    modules = dict(model.named_modules())
    decided = {"": False}
    for name, module in modules.items():
        kind = type(module).__name__
        named = {nodes[name], definitions.get(kind, kind)}
        outer = decided[name.rpartition(".")[0]]
        inside = named & set(trainable)
        decided[name] = not inside and (outer or bool(named & set(frozen)))
        if decided[name]:
            module.training = False
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise UserError(f"training.frozen: {', '.join(frozen)} hold every weight; nothing is left to train")
