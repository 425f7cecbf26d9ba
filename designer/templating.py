"""Templates and what they share: the Jinja environment, folders that override single templates, import statements."""

import ast
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from designer import extensions
from designer.assets import folder
from designer.errors import UserError

if TYPE_CHECKING:
    import jinja2

_STANDARD = {
    "math": "import math",
    "Sequence": "from collections.abc import Sequence",
    "cache": "from functools import cache",
}
_TORCH = {"torch": "import torch", "F": "import torch.nn.functional as F"}


@lru_cache(maxsize=8)
def _environment(overrides: Path | None) -> "jinja2.Environment":
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # What a user's template may do is bounded: no attribute that starts with an underscore, no endless range.
    kind = jinja2.Environment if overrides is None else ImmutableSandboxedEnvironment
    return kind(
        loader=jinja2.FileSystemLoader([*([overrides] if overrides else []), folder("templates")]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Pages only: Python source holds no raw text of a design outside docstrings, and those are plain.
        autoescape=lambda name: name is not None and name.endswith(".html.jinja"),
    )


def environment() -> "jinja2.Environment":
    """Return the environment, the user's folder of templates in front of ours."""
    return _environment(extensions.templates())


def fill(name: str, /, **values: Any) -> str:
    """Return the template `name` printed. Raises UserError for one of the user's folder that does not work."""
    import jinja2

    overrides = extensions.templates()
    try:
        return environment().get_template(name).render(**values)
    except (
        jinja2.TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        RecursionError,
        OSError,
    ) as error:
        if overrides is None:
            raise
        place = getattr(error, "name", None) or name
        line = f", line {error.lineno}" if isinstance(error, jinja2.TemplateSyntaxError) else ""
        raise UserError(f"{overrides}: the template {place}{line} cannot be used ({error})") from None


def import_lines(code: str) -> list[str]:
    """Return the import statements that the code needs, in the order of the formatter."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        if extensions.templates() is None:
            raise
        raise UserError(
            f"{extensions.templates()}: what the templates print is no Python ({error})"
        ) from None
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    standard = [text for name, text in _STANDARD.items() if name in names]
    torch = [text for name, text in _TORCH.items() if name in names]
    tail = [name for name in ("Tensor", "nn") if name in names]
    torch += [f"from torch import {', '.join(tail)}"] if tail else []
    torch += ["from torch.utils.checkpoint import checkpoint"] if "checkpoint" in names else []
    return [*standard, *([""] if standard else []), *torch]
