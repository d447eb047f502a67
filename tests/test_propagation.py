"""The signal model by itself: what the papers say, and the sampling engine as the second opinion."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace

import pytest

from initlint import sampling
from initlint.network import Builder, Dense, Step, analysable
from initlint.propagation import UnknownStepError, propagate
from initlint.sampling import sample, trace

WIDTH = 96


def plain(activation: str, ratio: float, depth: int, width: int = WIDTH, *, bias: float = 0.0) -> tuple[Step, ...]:
    """`ratio` is the variance of a weight times the fan."""
    build = Builder()
    for _ in range(depth):
        build.dense(Dense(ratio / width, width, width, bias))
        build.activation(activation)
    return build.network()


def test_he_keeps_what_xavier_halves_before_relu() -> None:
    he, xavier = propagate(plain("relu", 2.0, 20)), propagate(plain("relu", 1.0, 20))
    assert math.sqrt(he.second[-1]) == pytest.approx(1.0)
    assert math.sqrt(xavier.second[-1]) == pytest.approx(1 / 1024)
    assert math.sqrt(xavier.gradient[0]) == pytest.approx(1 / 1024)
    assert math.sqrt(xavier.response[-1]) == pytest.approx(1 / 1024)


def test_biases_put_a_floor_under_the_total_that_hides_a_dead_signal() -> None:
    """The default of torch at width 256 over 20 ReLU layers; measured: 0.024 and 7e-9."""
    found = propagate(plain("relu", 1 / 3, 20, 256, bias=1 / (3 * 256)))
    assert 0.02 < math.sqrt(found.second[-1]) < 0.03
    assert 5e-9 < math.sqrt(found.difference[-1]) < 1.2e-8


def test_selu_with_lecun_keeps_mean_and_variance() -> None:
    found = propagate(plain("selu", 1.0, 50, 10**7))
    assert found.second[-1] == pytest.approx(1.0, rel=1e-6)
    assert found.difference[-1] == pytest.approx(1.0, rel=2e-3)


def test_batch_norm_lets_gradients_of_relu_explode() -> None:
    """By pi / (pi - 1) a layer: Yang et al. 2019, 'A mean field theory of batch normalization'."""
    build = Builder()
    for _ in range(10):
        build.dense(Dense(2 / WIDTH, WIDTH, WIDTH))
        build.norm("batch")
        build.activation("relu")
    found = propagate(build.network())
    assert found.gradient[4] / found.gradient[7] == pytest.approx(math.pi / (math.pi - 1), rel=1e-3)


def test_residual_blocks_add_up() -> None:
    build = Builder()
    for _ in range(5):
        begin = build.last
        build.dense(Dense(2 / WIDTH, WIDTH, WIDTH))
        build.activation("relu")
        build.dense(Dense(1 / WIDTH, WIDTH, WIDTH))
        build.join("add", [begin])
    found = propagate(build.network())
    assert found.second[-1] == pytest.approx(2.0**5)
    assert found.gradient[0] == pytest.approx(2.0**5)


def test_the_repeated_block_of_unknown_count_is_told_at_depths() -> None:
    kept = [math.sqrt(propagate(plain("relu", 1.0, depth)).second[-1]) for depth in (10, 30, 100)]
    assert kept == pytest.approx([2**-5, 2**-15, 2**-50])


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "selu", "sigmoid", "elu"])
@pytest.mark.parametrize("ratio", [1 / 3, 1.0, 2.0])
@pytest.mark.parametrize("kind", ["plain", "layer", "residual"])
def test_both_engines_agree(activation: str, ratio: float, kind: str) -> None:
    build = Builder()
    for _ in range(4):
        begin = build.last
        build.dense(Dense(ratio / WIDTH, WIDTH, WIDTH, 0.01))
        if kind == "layer":
            build.norm("layer")
        build.activation(activation)
        if kind == "residual":
            build.dense(Dense(ratio / WIDTH, WIDTH, WIDTH))
            build.join("add", [begin])
    network = build.network()
    told, drawn = propagate(network), sample(network, draws=48)
    for name in ("second", "difference", "response"):
        assert getattr(drawn, name)[-1] == pytest.approx(getattr(told, name)[-1], rel=0.2), name
    assert drawn.gradient[0] == pytest.approx(told.gradient[0], rel=0.2)


@pytest.mark.parametrize("activation, depth", [("relu", 8), ("relu", 20), ("leaky_relu", 15)])
def test_both_engines_agree_on_what_finite_widths_leave_of_a_difference(activation: str, depth: int) -> None:
    network = plain(activation, 2.0, depth)
    told, drawn = propagate(network), sample(network, draws=300)
    wide = propagate(plain(activation, 2.0, depth, 10**7))
    assert drawn.difference[-1] == pytest.approx(told.difference[-1], rel=0.15)
    assert drawn.difference[-1] > 1.15 * wide.difference[-1]


def test_biases_leave_less_of_a_difference_to_be_corrected() -> None:
    """Torch's default: what two inputs have in common grows until the width no longer matters."""
    narrow, wide = (propagate(plain("relu", 1 / 3, 12, n, bias=1 / (3 * n))) for n in (96, 10**7))
    drawn = sample(plain("relu", 1 / 3, 12, 96, bias=1 / (3 * 96)), draws=200)
    assert drawn.difference[-1] == pytest.approx(narrow.difference[-1], rel=0.3)
    assert narrow.difference[-1] != wide.difference[-1]


@pytest.mark.parametrize("activation", ["gelu", "softplus"])
def test_both_engines_agree_on_what_fluctuations_make_of_means(activation: str) -> None:
    told, drawn = propagate(plain(activation, 2.0, 10, 64)), sample(plain(activation, 2.0, 10, 64), draws=400)
    assert drawn.second[-1] == pytest.approx(told.second[-1], rel=0.25)
    assert drawn.response[-1] == pytest.approx(told.response[-1], rel=0.25)
    assert drawn.gradient[0] == pytest.approx(told.gradient[0], rel=0.25)
    assert drawn.difference[-1] == pytest.approx(told.difference[-1], rel=0.2)
    assert told.gradient[0] == pytest.approx(told.response[-1], rel=1e-6)  # the same Jacobian, from either end


@pytest.mark.parametrize("activation, depth", [("softplus", 20), ("silu", 10)])
def test_runs_go_on_behind_what_is_no_layer(activation: str, depth: int) -> None:
    """What of the response meets large signals, and is along them, is known there."""
    halves = plain(activation, 2.0, depth // 2, 64)
    build = Builder()
    build.steps = list(halves)
    build.scale(1.0)
    for step in halves[1:]:
        build.add(replace(step, inputs=(build.last,)))
    told, whole = propagate(build.network()), propagate(plain(activation, 2.0, depth, 64))
    assert told.response[-1] == pytest.approx(whole.response[-1], rel=0.1)
    assert told.gradient[0] == pytest.approx(whole.gradient[0], rel=0.1)


def test_inputs_that_are_near_differ_as_the_response_says() -> None:
    """At finite widths too: both are followed by other means, a density and draws."""
    told = propagate(plain("gelu", 2.0, 10, 64), difference=1e-6)
    assert told.difference[-1] == pytest.approx(1e-6 * told.response[-1], rel=0.1)


def test_linear_layers_need_no_correction() -> None:
    assert propagate(plain("linear", 1.0, 30, 64)).difference[-1] == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize(
    "dense",
    [
        Dense(1 / 128, 128, 64, distribution="orthogonal"),
        Dense(1 / 128, 64, 128, distribution="orthogonal"),
        Dense(1 / 96, 96, 96, distribution="sparse", density=0.2),
        Dense(1 / 96, 96, 96, distribution="uniform"),
        Dense(1 / 96, 96, 96, distribution="trunc_normal"),
        Dense(1 / 96, 96, 96, distribution="orthogonal"),
    ],
    ids=str,
)
def test_matrices_are_drawn_from_their_law(dense: Dense) -> None:
    build = Builder()
    build.dense(dense)
    found = sample(build.network(), draws=60)
    assert found.second[-1] == pytest.approx(dense.forward, rel=0.05)
    assert found.response[-1] == pytest.approx(dense.forward, rel=0.05)
    assert found.gradient[0] == pytest.approx(dense.backward, rel=0.05)


def test_sampling_is_deterministic_and_capped() -> None:
    wide = plain("relu", 2.0, 2, 100_000)
    assert sample(wide) == sample(wide)
    assert sample(wide).second[-1] == pytest.approx(1.0, rel=0.2)


def test_analysis_hands_over_where_it_does_not_hold() -> None:
    assert analysable(plain("relu", 2.0, 3))
    gated = Builder()
    gated.dense(Dense(1 / 64, 64, 128))
    gated.activation("glu")
    assert not analysable(gated.network())
    assert not analysable(plain("relu", 2.0, 3, 8))
    for dense in (
        Dense(1.0, 64, 64, mean=0.5),
        Dense(1 / 64, 64, 64, distribution="sparse"),
        Dense(1 / 64, 64, 32, distribution="orthogonal"),
    ):
        build = Builder()
        build.dense(dense)
        assert not analysable(build.network())
    half = trace(gated.network())
    assert half.second[-1] == pytest.approx(0.2934, rel=0.15)


def test_weights_with_a_mean_sum_up_instead_of_cancelling() -> None:
    """uniform(0, 1) before ReLU: each unit is near the sum of its inputs."""
    build = Builder()
    for _ in range(3):
        build.dense(Dense(1 / 3, 64, 64, mean=0.5, distribution="uniform"))
        build.activation("relu")
    assert trace(build.network()).second[-1] > 1e6


@pytest.mark.parametrize("kind, expected", [("mean", 0.25), ("max", 1.8)])
def test_pools_over_independent_positions(kind: str, expected: float) -> None:
    build = Builder()
    build.dense(Dense(2 / 64, 64, 64))
    build.pool(kind, 4)
    found = propagate(build.network()).second[-1]
    assert found == pytest.approx(2.0 * expected if kind == "mean" else found)
    if kind == "max":  # E of the square of the largest of four: 1.03^2 + 0.49
        assert found / 2 == pytest.approx(1.551, rel=0.01)


def test_concatenation_is_a_mean_over_units() -> None:
    build = Builder()
    build.dense(Dense(1 / 64, 64, 64))
    first = build.last
    build.add(Step("dense", (0,), dense=Dense(4 / 64, 64, 192)))
    build.join("cat", [first])
    assert propagate(build.network()).second[-1] == pytest.approx((1 * 64 + 4 * 192) / 256)


def test_a_scale_multiplies() -> None:
    build = Builder()
    build.scale(0.5)
    found = propagate(build.network())
    assert (found.second[-1], found.gradient[0]) == (0.25, 0.25)


def test_what_has_no_formula_says_so() -> None:
    with pytest.raises(UnknownStepError, match="softmax"):
        propagate((Step("input"), Step("activation", (0,), "softmax")))
    with pytest.raises(UnknownStepError):
        sample((Step("input"), Step("activation", (0,), "softmax")))
    with pytest.raises(ValueError, match="not before it"):
        Builder().add(Step("scale", (3,)))


def test_nothing_overflows() -> None:
    found = propagate(plain("relu", 1e30, 60))
    assert all(map(math.isfinite, (*found.second, *found.gradient, *found.response)))


@pytest.mark.parametrize("kind", ["mean", "max"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_both_engines_agree_on_pools(kind: str, activation: str) -> None:
    build = Builder()
    build.dense(Dense(2 / WIDTH, WIDTH, WIDTH))
    build.activation(activation)
    build.pool(kind, 4)
    told, drawn = propagate(build.network()), sample(build.network(), draws=60)
    assert drawn.second[-1] == pytest.approx(told.second[-1], rel=0.05)
    assert drawn.response[-1] == pytest.approx(told.response[-1], rel=0.1)
    assert drawn.gradient[0] == pytest.approx(told.gradient[0], rel=0.1)


def test_what_a_sample_holds_does_not_grow_with_its_matrices_or_with_the_width_of_a_pool() -> None:
    deep, pooled = plain("relu", 2.0, 72, 256), Builder()
    for _ in range(2):
        pooled.dense(Dense(2 / 64, 64, 64))
        pooled.pool("max", 196)
    for network in (deep, pooled.network()):
        tracemalloc.start()
        sample(network)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 120e6  # as many MB as it would otherwise hold hundreds


def test_matrices_that_are_drawn_again_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    network = plain("gelu", 2.0, 6, 48)
    told = sample(network)
    monkeypatch.setattr(sampling, "MOST_KEPT", 3)
    assert sample(network) == told
