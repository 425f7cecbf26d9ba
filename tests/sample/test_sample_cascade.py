"""A base hands over to a refiner at a noise level; preconditioned networks are drawn from as they were trained."""

import numpy as np
import pytest

from designer.errors import UserError
from designer.sample.loop import draw
from designer.sample.recipes import Asked, cascade, recipe_of
from designer.sample.source import Source
from designer.train.inputs import InputSpec
from designer.wrapping.noise import Process

INPUTS = (InputSpec("x", "image", ("B", 1, "H", "W")), InputSpec("t", "timestep", ("B",)))


def _source(**training) -> Source:
    training = {"sample_shape": [1, 4, 4], "prediction": "x0", "schedule": "cosine", **training}
    return Source(INPUTS, training, Process.of(training))


def _asked(**changes) -> Asked:
    return Asked(
        **{"sampler": "ddim", "steps": 10, "n": 3, "seed": 0, "labels": None, "guidance": 1.0, **changes}
    )


def _constant(value, seen):
    def network(x, t, labels):
        seen.append(float(t[0]))
        return np.full_like(x, value)

    return network


@pytest.mark.parametrize(
    "training", [{}, {"schedule": "flow", "prediction": "flow", "shift": 3.0}, {"schedule": "edm"}]
)
def test_two_stages_of_one_network_draw_what_it_draws_alone(training) -> None:
    source = _source(**training)
    split = 0.5
    network = lambda x, t, labels: np.tanh(x + 0.001 * t[:, None, None, None]).astype(np.float32)  # noqa: E731
    first, second = cascade(source, source, _asked(), split)
    assert first.path[-1] == second.path[0] and len(first.path) + len(second.path) == 12
    whole = draw(network, recipe_of(source, _asked()))
    handed = draw(network, second, start=draw(network, first))
    assert np.allclose(handed, whole, atol=1e-5)


def test_the_refiner_draws_the_levels_of_its_range() -> None:
    base, refiner = _source(), _source(noise_range=[0.0, 0.3])
    first, second = cascade(base, refiner, _asked(sampler="ddpm"), None)
    high, low = [], []
    start = draw(_constant(0.5, high), first)
    images = draw(_constant(-0.25, low), second, start=start)
    assert min(high) >= 300 > max(low) and len(high) + len(low) == 10
    assert np.allclose(images, -0.25, atol=1e-6)


@pytest.mark.parametrize(
    ("refiner", "split", "message"),
    [
        ({}, None, "split: neither network"),
        ({"schedule": "linear"}, 0.3, "its schedule is 'linear', but the base's is 'cosine'"),
        ({"sample_shape": [1, 8, 8]}, 0.3, r"draws \[1, 8, 8\]"),
        ({}, 1.5, "split: received 1.5"),
        ({}, 0.01, "has no step of 10"),
    ],
)
def test_a_cascade_that_cannot_be_is_refused(refiner, split, message) -> None:
    with pytest.raises(UserError, match=message):
        cascade(_source(), _source(**refiner), _asked(), split)


@pytest.mark.parametrize("kind", ["edm", "vp", "ve", "v"])
@pytest.mark.parametrize("schedule", ["edm", "cosine"])
def test_a_preconditioned_network_that_knows_the_image_ends_at_it(kind, schedule) -> None:
    source = _source(schedule=schedule, prediction="F", preconditioning=kind)
    recipe = recipe_of(source, _asked())
    image = np.float32(0.25)
    level = iter(recipe.path)

    def network(x, t, labels):
        at = next(level)
        wrap = source.process.scalings(np.asarray(at.alpha), np.asarray(at.sigma))
        assert t[0] == pytest.approx(float(wrap.noise), rel=1e-5)
        return ((image - wrap.skip * x / wrap.input) / wrap.out).astype(np.float32)

    assert np.allclose(draw(network, recipe), image, atol=1e-3)
