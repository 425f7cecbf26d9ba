"""The process that a package writes out is the smoke-train's: same levels, targets, weights, estimates."""

from typing import Any

import pytest
import torch

from designer.errors import UserError
from designer.targets.process import process_view
from designer.templating import fill, import_lines
from designer.wrapping.noise import Process

SETTINGS: list[dict[str, Any]] = [
    {"schedule": "linear", "prediction": "epsilon"},
    {"schedule": "cosine", "prediction": "v", "loss": "min_snr"},
    {"schedule": "sigmoid", "prediction": "x0", "loss": "p2", "zero_terminal_snr": True},
    {"schedule": "linear", "prediction": "v", "loss": "p2", "p2_gamma": 0.5, "noise_range": [0.25, 0.75]},
    {"schedule": "linear", "prediction": "epsilon", "loss": "min_snr"},
    {"schedule": "flow", "prediction": "flow"},
    {"schedule": "flow", "prediction": "flow", "timestep_density": "logit_normal", "shift": 3.0},
    {"schedule": "edm", "prediction": "x0"},
    {"schedule": "edm", "prediction": "F", "preconditioning": "edm", "loss": "edm"},
    {"schedule": "edm", "prediction": "F", "preconditioning": "vp", "sigma_std": 1.0},
    {"schedule": "ve", "prediction": "score"},
    {"schedule": "ve", "prediction": "F", "preconditioning": "ve"},
    {"schedule": "cosine", "prediction": "F", "preconditioning": "v", "loss": "min_snr"},
]


def module_of(training: dict[str, Any]) -> dict[str, Any]:
    """Return what diffusion.py of a design with this training defines."""
    network = {"returns": "Tensor", "also": "", "first": "", "loss": ["return x0"]}
    network["lines"] = [
        f"return model({(view := process_view(training, 'sigma')).network_input}, {view.told})"
    ]
    values = {"process": view, "network": network}
    code = fill("package/diffusion.py.jinja", imports=[], **values)
    names: dict[str, Any] = {}
    exec(fill("package/diffusion.py.jinja", imports=import_lines(code), **values), names)
    return names


@pytest.mark.parametrize("training", SETTINGS, ids=lambda one: "-".join(map(str, one.values())))
def test_the_written_process_is_that_of_the_smoke_train(training: dict[str, Any]) -> None:
    process, module = Process.of(training), module_of(training)
    generator = torch.Generator().manual_seed(0)
    t, _ = process.sample_levels(16, generator)
    alpha, sigma = process.alpha_sigma(t)
    level = sigma if process.schedule in ("edm", "ve") else t
    x0, eps = torch.randn(2, 16, 1, 4, 4, generator=generator)
    a, s = module["factors"](level, x0)
    torch.testing.assert_close((a.flatten(), s.flatten()), (alpha, sigma))
    target = process.target(x0, eps, t)
    torch.testing.assert_close(module["target"](x0, eps, a, s), target, rtol=1e-4, atol=1e-4)
    if process.loss != "mse":
        torch.testing.assert_close(
            module["loss_weight"](a, s).flatten(), process.weight(t), rtol=1e-4, atol=1e-6
        )
    x = a * x0 + s * eps
    usable = (alpha > 1e-3) & (sigma > 1e-3)  # elsewhere the estimate cancels
    torch.testing.assert_close(module["denoised"](x, target, a, s)[usable], x0[usable], rtol=1e-2, atol=2e-2)
    seen, _, told = process.seen(x0, eps, t)
    heard: list[Any] = []
    module["predict"](lambda *given: heard.extend(given), x, level, {})
    torch.testing.assert_close(heard[0], seen)
    torch.testing.assert_close(heard[1].flatten(), told)


@pytest.mark.parametrize("training", SETTINGS, ids=lambda one: "-".join(map(str, one.values())))
def test_levels_are_drawn_alike_and_samples_end_at_the_data(training: dict[str, Any]) -> None:
    process, module = Process.of(training), module_of(training)
    drawn = module["draw_levels"](4096, torch.Generator().manual_seed(0))
    t, _ = process.sample_levels(4096, torch.Generator().manual_seed(0))
    expected = process.alpha_sigma(t)[1] if process.schedule in ("edm", "ve") else t
    shares = torch.tensor([0.1, 0.5, 0.9])
    torch.testing.assert_close(drawn.quantile(shares), expected.quantile(shares), rtol=0.12, atol=1.0)
    target = torch.full((2, 1, 4, 4), 0.5)

    def oracle(model: Any, x: Any, level: Any, given: Any) -> Any:
        a, s = module["factors"](level, x)
        return module["target"](target, (x - a * target) / s, a, s)

    module["predict"] = oracle
    x = module["sample"](None, torch.randn(2, 1, 4, 4), {}, 8)
    torch.testing.assert_close(x, target, rtol=1e-2, atol=1e-2)


def test_what_no_network_can_be_told_is_refused() -> None:
    with pytest.raises(UserError, match="role sigma"):
        process_view({"schedule": "ve", "prediction": "score"}, "timestep")
