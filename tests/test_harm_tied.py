"""INI403 predicts the first loss of language models with tied embeddings; the real torch says whether it is right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from lintable import text_of
from torch import Tensor
from torch.nn import functional

from initlint import interpret
from initlint.chains import Flow
from initlint.interpret.project import Project
from initlint.source import Source
from initlint.tied import Tied, log_sum, used_as_outputs

TEXT = text_of("INI403/fires_forms")
SMALL = "        self.apply(self._init)\n\n    def _init(self, m):\n        if isinstance(m, nn.Embedding):\n"
SMALL += "            nn.init.normal_(m.weight, std={std})\n"


def variant(vocabulary: int, width: int, depth: int, std: float | None = None) -> str:
    """The fixture's transformer with other sizes, and its embeddings at another scale."""
    text = TEXT.replace(
        "vocabulary=10000, width=256, depth=4", f"vocabulary={vocabulary}, width={width}, depth={depth}"
    )
    line = "        self.head.weight = self.tokens.weight  # expect: INI403\n"
    assert line in text
    return text if std is None else text.replace(line, line + SMALL.format(std=std))


def predicted(text: str, name: str) -> Tied:
    model = interpret.read([Source.of("net.py", text)], Project(lambda _: None))
    (found,) = (c for c in model.contexts if c.entry.endswith(name))
    (tie,) = found.ties
    return Tied(Flow(found), tie)


def measured(text: str, name: str, arguments: Callable[[Any], tuple[Tensor, ...]], seeds: int = 3) -> float:
    """Mean cross-entropy of the untrained model on random tokens."""
    space: dict[str, Any] = {"__name__": "fixture"}
    exec(compile(text, "fixture", "exec"), space)  # noqa: S102
    losses = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        model = space[name]()
        given = arguments(model)
        with torch.no_grad():
            logits = model(*given)
        target = torch.randint(0, logits.shape[-1], given[0].shape)
        losses.append(float(functional.cross_entropy(logits.flatten(0, 1), target.flatten())))
    return sum(losses) / len(losses)


def tokens(vocabulary: int) -> Callable[[Any], tuple[Tensor, ...]]:
    return lambda _: (torch.randint(0, vocabulary, (4, 32)), torch.arange(32).expand(4, 32))


@pytest.mark.parametrize(
    "vocabulary, width, depth, std",
    [(10000, 256, 4, None), (2000, 128, 2, None), (10000, 256, 4, 0.02), (2000, 512, 1, 0.1), (2000, 128, 6, 0.3)],
)
def test_the_first_loss_is_as_predicted(vocabulary: int, width: int, depth: int, std: float | None) -> None:
    text = variant(vocabulary, width, depth, std)
    told = predicted(text, "Transformer")
    real = measured(text, "Transformer", tokens(vocabulary))
    assert told.floor == pytest.approx(math.log(vocabulary))
    assert told.loss == pytest.approx(real, rel=0.1)
    assert told.excess is not None
    assert (told.excess > 1) == (real > math.log(vocabulary) + 1)


@pytest.mark.parametrize(
    "name, vocabulary", [("ByFunction", 10000), ("ByOperator", 5000), ("ByEquation", 5000), ("ByMatmul", 5000)]
)
def test_logits_by_the_embeddings_own_matrix_are_as_predicted(name: str, vocabulary: int) -> None:
    text = text_of("INI403/fires_by_use")
    model = interpret.read([Source.of("net.py", text)], Project(lambda _: None))
    (told,) = (tied for c in model.contexts if c.entry.endswith(name) for tied in used_as_outputs(Flow(c)))
    assert told.loss == pytest.approx(measured(text, name, tokens(vocabulary)), rel=0.05)
    assert told.floor == pytest.approx(math.log(vocabulary))


def test_a_stream_that_is_scaled_up_drowns_the_rest() -> None:
    real = measured(TEXT, "Scaled", lambda _: (torch.randint(0, 5000, (4, 32)),))
    assert predicted(TEXT, "Scaled").loss == pytest.approx(real, rel=0.1)


@pytest.mark.parametrize("std", [0.1, 1.0, 3.0, 10.0, 30.0])
@pytest.mark.parametrize("count", [50, 5000])
def test_the_mean_of_logsumexp(count: int, std: float) -> None:
    torch.manual_seed(0)
    drawn = torch.logsumexp(std * torch.randn(400, count, dtype=torch.float64), 1).mean()
    assert log_sum(count, std) == pytest.approx(float(drawn), rel=0.05)


def test_attention_that_is_a_layer_is_followed() -> None:
    text = text_of("INI403/fires_attention_module")
    real = measured(text, "Model", lambda _: (torch.randint(0, 5000, (4, 32)),))
    assert predicted(text, "Model").loss == pytest.approx(real, rel=0.05)
