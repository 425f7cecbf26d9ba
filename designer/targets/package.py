"""A repository around the model: training, sampling, export, tests, README with the architecture as a figure."""

import ast
import html
import json
import keyword
import re
import sys
from math import prod
from typing import Any

from designer.draw import svg
from designer.plan.model import Plan
from designer.plan.texts import plain
from designer.targets import Made
from designer.targets.network import NetworkView, network_view, quoted
from designer.targets.process import ProcessView, process_view
from designer.templating import fill, import_lines

_FILES = {
    "README.md": "README.md.jinja",
    "pyproject.toml": "pyproject.toml.jinja",
    ".gitignore": "gitignore.jinja",
    "data.py": "data.py.jinja",
    "train.py": "train.py.jinja",
    "sample.py": "sample.py.jinja",
    "export_onnx.py": "export_onnx.py.jinja",
    "hub.py": "hub.py.jinja",
    "tests/test_package.py": "tests/test_package.py.jinja",
}


def files(made: Made) -> dict[str, str]:
    """Return the files beside model.py. Raises UserError for a design that is no denoiser."""
    network = network_view(made)
    process = process_view(made.design.training, network.told)
    view = _view(made, network)
    found = {name: fill(f"package/{template}", **view) for name, template in _FILES.items()}
    found["diffusion.py"] = _diffusion(network, process)
    found["config.json"] = json.dumps(config(made.plan), indent=2, ensure_ascii=True) + "\n"
    found["architecture.svg"] = svg(made.design.main_definition) + "\n"
    return found


def config(plan: Plan) -> dict[str, Any]:
    """Return the arguments of the main class's constructor, as designed."""
    main = next(one for one in plan.classes if one.name == plan.main)
    return {one.name: ast.literal_eval(one.default) for one in main.arguments if one.default}


def package_name(title: str) -> str:
    """Return a name to import the design under."""
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:60] or "network"
    taken = name in sys.stdlib_module_names or keyword.iskeyword(name) or name == "torch"
    return f"net_{name}" if taken or name[0].isdigit() else name


def _view(made: Made, network: NetworkView) -> dict[str, Any]:
    training = made.design.training
    parameters = sum(prod(shape) for _, shape in made.plan.state())
    name = package_name(made.design.name)
    return {
        "network": network,
        "quoted": quoted,
        "title": html.escape(made.plan.title, quote=False),
        "doc": [html.escape(line, quote=False) for line in made.plan.doc],
        "design_hash": made.plan.design_hash,
        "tensors": parameters,
        "package": {
            "name": name,
            "distribution": quoted(name.replace("_", "-")),
            "description": quoted(plain(made.plan.title)),
        },
        "inputs_text": _listed(made.inputs),
        "outputs_text": _listed(made.outputs),
        "arrays_text": ", ".join(f"`{one.name}` {list(one.shape)}" for one in network.data),
        "prediction": training.get("prediction", "epsilon"),
        "schedule": training.get("schedule", "linear"),
        "learning_rate": repr(float(training.get("learning_rate", 1e-4))),
        "precision": quoted({"fp32": "no"}.get(precision := training.get("precision", "fp32"), precision)),
    }


def _listed(tensors: Any) -> str:
    return ", ".join(f"`{one.name}` [{', '.join(map(str, one.shape))}]" for one in tensors)


def _diffusion(network: NetworkView, process: ProcessView) -> str:
    """Print the process twice: what it uses says what it imports."""
    view = {"process": process, "network": _network(network, process)}
    code = fill("package/diffusion.py.jinja", imports=[], **view)
    return fill("package/diffusion.py.jinja", imports=import_lines(code), **view)


def _network(network: NetworkView, process: ProcessView) -> dict[str, Any]:
    error = "(output - target(x0, eps, alpha, sigma)).square()"
    errors = "(loss_weight(alpha, sigma) * errors)" if process.weight else "errors"
    called = "predict(model, alpha * x0 + sigma * eps, level, given)"
    loss = [f"output = {called}", f"errors = {error}", f"return {errors}.mean()"]
    if process.uncertainty:
        loss = [
            f"output, log_variance = {called}",
            f"errors = {error}",
            f"errors = {errors}.flatten(1).mean(1)",
            "u = log_variance.flatten()  # of the error to expect (Karras et al. 2024, eq. 21)",
            "return (errors / u.exp() + u).mean()",
        ]
    return {
        "returns": "tuple[Tensor, Tensor]" if process.uncertainty else "Tensor",
        "also": ", and the log-variance to expect" if process.uncertainty else "",
        "first": "[0]" if process.uncertainty else "",
        "lines": network.call_lines(process),
        "loss": loss,
    }
