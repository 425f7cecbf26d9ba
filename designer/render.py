"""From a plan to source files: Jinja prints what the plan decided; the source map says which node each line is."""

import ast
import hashlib
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from designer.document import Design, dumps
from designer.errors import UserError
from designer.files import write_atomic
from designer.plan import make_plan
from designer.plan.model import ClassPlan, Line, Plan, call
from designer.shapes.binding import parse_shape
from designer.targets import PLAIN, Made, files_of
from designer.templating import fill, import_lines

# Marks the node of a line while it passes through the templates: a private-use character, stripped from texts.
_MARK = "\ue000"
_CONTENT = "0" * 16
RECORD = ".rendered.json"
# The last line of the header, which no text of a design can look like: texts hold no line that ends a docstring.
_STATED = re.compile(r'^(content )([0-9a-f]{16})(?=\n""")', re.MULTILINE)


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of the model: name, role, shape (numbers, or names of free sizes), dtype."""

    name: str
    role: str
    shape: tuple[int | str, ...]
    dtype: str


@dataclass(frozen=True)
class Rendering:
    """Source files and what is needed to use them."""

    class_name: str
    module: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    files: dict[str, str]
    source_map: tuple[dict[str, Any], ...] = field(default=())
    tensors: Callable[[], Iterable[tuple[str, tuple[int, ...]]]] = tuple

    @cached_property
    def state(self) -> Mapping[str, tuple[int, ...]]:
        """The name and shape of each tensor of the model's state dict."""
        return dict(self.tensors())

    def to_json(self) -> dict[str, Any]:
        """Return what `designer render --json` prints."""
        return {
            "class": self.class_name,
            "module": self.module,
            "inputs": [asdict(one) for one in self.inputs],
            "outputs": [asdict(one) for one in self.outputs],
            "files": sorted(self.files),
        }


def render(design: Design, target: str = PLAIN) -> Rendering:
    """Return the source of a design. Raises UserError for an unknown target or a design with errors."""
    add = files_of(target)
    plan = make_plan(design)
    text, source_map = _print(plan)
    main = design.main_definition
    names = {**{name: one.default for name, one in main.parameters.items()}, **design.parameters}
    specs = [
        TensorSpec(
            port.name,
            port.role,
            _shape(port.shape, names),
            port.dtype or ("int64" if port.role == "class" else "float32"),
        )
        for port in (*main.inputs, *main.outputs)
    ]
    count = len(main.inputs)
    made = Made(design, plan, tuple(specs[:count]), tuple(specs[count:]), {"model.py": text})
    return Rendering(
        plan.main,
        "model",
        made.inputs,
        made.outputs,
        made.files if add is None else _recorded(made, add(made)),
        source_map,
        plan.state,
    )


def _recorded(made: Made, added: dict[str, str]) -> dict[str, str]:
    """Add the design, and the record of what is written, by which `write` knows files that were edited since."""
    files = {**made.files, "design.json": dumps(made.design), **added}
    hashes = {name: _digest(text) for name, text in sorted(files.items())}
    return {**files, RECORD: json.dumps({"files": hashes}, indent=1) + "\n"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _known(root: Path) -> dict[str, str]:
    """The files of an earlier rendering to this folder, by name, as they were written."""
    try:
        known = json.loads((root / RECORD).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def _shape(pattern: str, names: dict[str, Any]) -> tuple[int | str, ...]:
    return tuple(size if isinstance(size, int) else str(size) for size in parse_shape(pattern, names, "main"))


def _print(plan: Plan) -> tuple[str, tuple[dict[str, Any], ...]]:
    classes = [
        {**vars(one), "signature": _signature(one), "forward_signature": _forward_signature(one)}
        for one in plan.classes
    ]
    view = {**vars(plan), "classes": classes}
    marked = fill("model.py.jinja", plan=view, imports=[], content=_CONTENT, mark=_mark)
    imports = import_lines(_unmarked(marked))
    marked = fill("model.py.jinja", plan=view, imports=imports, content=_CONTENT, mark=_mark)
    marked = re.sub(r"\n{4,}", "\n\n\n", re.sub(r"[ \t]+\n", "\n", marked)).rstrip() + "\n"
    text = _unmarked(marked)
    return _STATED.sub(rf"\g<1>{content_hash(text)}", text, count=1), _source_map(marked)


def _mark(line: Line) -> str:
    """Tag each physical line with its node; the plan has laid out continuation lines."""
    return "\n".join(
        f"{text}{_MARK}{line.node}{_MARK}" if text.strip() else text for text in line.text.split("\n")
    )


def _unmarked(text: str) -> str:
    return re.sub(f"{_MARK}[^{_MARK}]*{_MARK}", "", text)


def _source_map(marked: str) -> tuple[dict[str, Any], ...]:
    found: list[dict[str, Any]] = []
    inside = ""
    for number, line in enumerate(marked.split("\n"), 1):
        if line.startswith("class "):
            inside = re.split(r"\W", line.removeprefix("class "))[0]
        for places in re.findall(f"{_MARK}([^{_MARK}]*){_MARK}", line):
            for place in places.split():
                definition, _, node = place.partition("/")
                entry = {"file": "model.py", "line": number, "class": inside}
                found.append({**entry, "definition": definition, "node": node})
    return tuple(found)


def _signature(one: ClassPlan) -> str:
    arguments = ["self", *map(str, one.arguments)]
    return "    " + call("def ", "__init__", arguments, 4, " -> None:")


def _forward_signature(one: ClassPlan) -> str:
    return "    " + call("def ", "forward", ["self", *one.forward_arguments], 4, f" -> {one.returns}:")


def content_hash(text: str) -> str:
    """Return the hash that a rendered file states of itself, its own digits counted as zeros."""
    blank = _STATED.sub(rf"\g<1>{_CONTENT}", text, count=1)
    return hashlib.sha256(blank.encode()).hexdigest()[:16]


def is_untouched(text: str) -> bool:
    """Whether a file is as it was rendered: the content that it states is the content that it has."""
    stated = _STATED.search(text)
    return stated is not None and stated.group(2) == content_hash(text)


def write(rendering: Rendering, directory: str | Path, force: bool = False) -> list[Path]:
    """Write the files atomically. Raises UserError rather than overwrite a file edited by hand, unless forced."""
    root = Path(directory)
    paths = {root / name: text for name, text in rendering.files.items()}
    try:
        if root.exists() and not root.is_dir():
            raise UserError(f"{root}: is a file; expected a folder")
        known = _known(root)
        for name, text in rendering.files.items():
            path = root / name
            if path.is_dir():
                raise UserError(f"{path}: is a folder; choose another folder to write to")
            if not force and name != RECORD and path.exists():
                present = path.read_text(encoding="utf-8", errors="replace")
                if present != text and not is_untouched(present) and known.get(name) != _digest(present):
                    raise UserError(
                        f"{path}: was edited by hand; choose another folder, or overwrite it with --force"
                    )
        for path, text in paths.items():
            write_atomic(path, text)
    except OSError as error:
        raise UserError(f"{root}: cannot be written ({error.strerror})") from None
    return list(paths)


def load_model(source: Rendering | str | Path, class_name: str | None = None) -> Any:
    """Execute a rendered model file and return its main class; call only in a child process or a test."""
    if isinstance(source, Rendering):
        code, name, origin = source.files["model.py"], source.class_name, "<rendered model.py>"
    else:
        path = Path(source) / "model.py"
        code, origin = path.read_text(encoding="utf-8"), str(path)
        name = (
            class_name or [node.name for node in ast.parse(code).body if isinstance(node, ast.ClassDef)][-1]
        )
    unique = f"rendered_{hashlib.sha256(code.encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_loader(unique, loader=None)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    exec(compile(code, origin, "exec"), module.__dict__)
    return getattr(module, name)
