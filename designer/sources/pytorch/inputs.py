"""Example inputs of a module, which an export needs: those that it brings, else those found by trial."""

import inspect
import itertools
import re
import time
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from designer.errors import UserError

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
SECONDS = 60.0  # for trials of inputs
_ATTRIBUTES = ("example_inputs", "dummy_inputs", "example_input_array")


def resolve(found: Any, source: str) -> tuple[nn.Module, Arguments]:
    """Return the module of what a callable is or gives, and inputs for it. Raises UserError."""
    if (isinstance(found, type) and issubclass(found, nn.Module)) or not isinstance(found, nn.Module):
        found = _called(found, source)
    given: Any = None
    if isinstance(found, (tuple, list)) and found and isinstance(found[0], nn.Module):
        found, given = found[0], found[1:] if len(found) != 2 else found[1]
    if not isinstance(found, nn.Module):
        raise UserError(
            f"{source}: gives a {type(found).__name__}; expected a torch.nn.Module, or (module, inputs)"
        )
    found = found.eval()
    if given is None:
        given = next(
            (getattr(found, name) for name in _ATTRIBUTES if getattr(found, name, None) is not None), None
        )
    if callable(given):
        given = given()
    return found, _arguments(given) if given is not None else guess(found, source)


def _called(found: Any, source: str) -> Any:
    if not callable(found):
        raise UserError(
            f"{source}: is a {type(found).__name__}; expected a module class, a module, or a function that returns one"
        )
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise UserError(
            f"{source}: cannot be called without arguments ({error}); name a function that builds the module"
        ) from None
    except ValueError:
        pass
    return found()


def _arguments(given: Any) -> Arguments:
    if isinstance(given, dict):
        return (), given
    if isinstance(given, Tensor):
        return (given,), {}
    if isinstance(given, (tuple, list)) and given and isinstance(given[-1], dict):
        return tuple(given[:-1]), given[-1]
    return tuple(given), {}


def guess(module: nn.Module, source: str) -> Arguments:
    """Return inputs on which the module runs, tried from the names of its arguments and its layers' sizes."""
    names = [
        name
        for name, one in inspect.signature(module.forward).parameters.items()
        if one.default is inspect.Parameter.empty
        and one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    candidates = [list(_candidates(name, module)) for name in names]
    deadline = time.monotonic() + SECONDS
    for values in itertools.product(*candidates):
        if time.monotonic() > deadline:
            break
        try:
            with torch.no_grad():
                module(*values)
        except Exception:  # a wrong guess; what it says is about our guess
            continue
        return tuple(values), {}
    raise UserError(
        f"{source}: no inputs were found on which {type(module).__name__}.forward({', '.join(names)}) runs; "
        "return (module, inputs) or give the module an attribute example_inputs"
    )


def _candidates(name: str, module: nn.Module) -> Iterator[Tensor]:
    if re.fullmatch(r"t|ts|time|times|timesteps?|sigmas?|noise_labels?|noise_level", name):
        yield torch.tensor([3.0, 7.0])
        yield torch.tensor([3, 7])
    elif re.fullmatch(r"y|labels?|class_labels?|classes|class_ids?", name):
        yield torch.tensor([0, 1])
    else:
        yield from _tensors(module)


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    """Maps for the first convolution, tokens and vectors for the first linear layers, indices for a table."""
    torch.manual_seed(0)
    layers = list(module.modules())
    given = [getattr(module, name, None) for name in ("input_size", "sample_size", "img_size", "image_size")]
    sides: list[int] = [side for side in given if isinstance(side, int) and side > 1]
    channels = [one.in_channels for one in layers if isinstance(one, nn.Conv2d)][:1]
    for side in dict.fromkeys([*sides, 32, 64, 16, 8, 28, 224]):
        for count in channels:
            yield torch.randn(2, count, side, side)
    for width in list(dict.fromkeys(one.in_features for one in layers if isinstance(one, nn.Linear)))[:6]:
        yield torch.randn(2, 16, width)
        yield torch.randn(2, width)
    if any(isinstance(one, nn.Embedding) for one in layers):
        yield torch.zeros(2, 16, dtype=torch.int64)
    if not channels:
        yield torch.randn(2, 3, 32, 32)
    frames = [one.in_channels for one in layers if isinstance(one, nn.Conv3d)][:1] or channels
    for side in dict.fromkeys([*sides, 16, 32]):
        for count in frames:
            yield torch.randn(2, count, 4, side, side)
            yield torch.randn(2, 4, count, side, side)
