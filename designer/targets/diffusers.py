"""The model as diffusers knows models: a configuration that is saved with it, the argument names of its pipelines."""

import json
from typing import Any

from designer.errors import UserError
from designer.plan.model import Argument, call
from designer.targets import Made
from designer.targets.network import InputView, NetworkView, network_view
from designer.templating import fill
from designer.wrapping.noise import Process

# What pipelines call the inputs of a network, by the roles that we give them.
_NAMES = {
    "timestep": "timestep",
    "class": "class_labels",
    "context": "encoder_hidden_states",
    "mask": "encoder_attention_mask",
    "pooled": "pooled_projections",
    "guidance": "guidance",
}
_PREDICTIONS = {"epsilon": "epsilon", "x0": "sample", "v": "v_prediction"}
_BETAS = {"linear": "linear", "cosine": "squaredcos_cap_v2"}


def files(made: Made) -> dict[str, str]:
    """Return the class beside model.py, and the scheduler that fits. Raises UserError for what pipelines cannot call."""
    network = network_view(made)
    if network.told == "sigma":
        raise UserError(
            "the pipelines of diffusers tell timesteps; this design has an input of the role sigma"
        )
    found = {"diffusers_model.py": fill("diffusers/diffusers_model.py.jinja", **_view(made, network))}
    scheduler = scheduler_config(Process.of(made.design.training))
    if scheduler:
        found["scheduler/scheduler_config.json"] = json.dumps(scheduler, indent=2) + "\n"
    return found


def scheduler_config(process: Process) -> dict[str, Any] | None:
    """Return the configuration of the scheduler of diffusers for a process; None where it has none."""
    if process.schedule == "flow" and process.prediction == "flow":
        return {
            "_class_name": "FlowMatchEulerDiscreteScheduler",
            "num_train_timesteps": process.timesteps,
            "shift": process.shift,
        }
    if process.schedule not in _BETAS or process.prediction not in _PREDICTIONS:
        return None
    return {
        "_class_name": "DDPMScheduler",
        "num_train_timesteps": process.timesteps,
        "beta_start": 1e-4,
        "beta_end": 2e-2,
        "beta_schedule": _BETAS[process.schedule],
        "prediction_type": _PREDICTIONS[process.prediction],
        "rescale_betas_zero_snr": process.zero_terminal_snr,
    }


def _view(made: Made, network: NetworkView) -> dict[str, Any]:
    main = next(one for one in made.plan.classes if one.name == made.plan.main)
    own = [one.name for one in main.arguments]
    name = f"Diffusers{main.name}"
    arguments = ["self", *map(str, [*main.arguments, *_configured(made, network, own)])]
    taken = [_argument(one, network) for one in network.inputs]
    names = [*dict.fromkeys(name for name, _ in taken)]
    if len(names) < len(taken):
        raise UserError(
            "two inputs of the design have one name in diffusers; rename them or change their roles"
        )
    return {
        "network": network,
        "name": name,
        "title": made.plan.title,
        "signature": "    " + call("def ", "__init__", arguments, 4, " -> None:"),
        "construct": "        " + call("", f"{main.name}.__init__", ["self", *(f"{one}={one}" for one in own)], 8),
        "forward": "    "
        + call(
            "def ",
            "forward",
            ["self", *(f"{name}: {kind}" for name, kind in taken), "return_dict: bool = True", "**_: None"],
            4,
            " -> UNet2DOutput | tuple[Tensor]:",
        ),
        "sample": taken[network.inputs.index(network.sample)][0],
        "has_timestep": any(one.role == "timestep" for one in network.inputs),
        "called": "        " + call("output = ", f"{main.name}.forward", ["self", *names], 8),
        "first": "output" if len(network.outputs) == 1 else "output[0]",
    }  # fmt: skip


def _configured(made: Made, network: NetworkView, own: list[str]) -> list[Argument]:
    """What pipelines read of a configuration, where the design has no parameter of that name."""
    shape, predicted = network.sample.shape, made.outputs[0].shape
    channels = shape[network.axis - 1]
    out = predicted[network.axis] if network.axis < len(predicted) else channels
    values = {
        "sample_size": shape[-1],
        "in_channels": channels,
        "out_channels": out if isinstance(out, int) else channels,
    }
    return [Argument(name, "int", repr(value)) for name, value in values.items() if name not in own]


def _argument(one: InputView, network: NetworkView) -> tuple[str, str]:
    """Return the name and the annotation of an input in forward."""
    if one is network.sample:
        streams = any(other.role == "pooled" for other in network.inputs)
        return ("hidden_states" if streams else "sample"), "Tensor"
    kind = "Tensor | float" if one.role == "timestep" else "Tensor"
    return _NAMES.get(one.role, one.name), kind
