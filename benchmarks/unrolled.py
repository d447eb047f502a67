"""The numbers on the rules' pages on recurrent networks, unrolled with PyTorch, and on the law that SELU needs. `python
benchmarks/unrolled.py` prints them, of some rules where it is given their codes; tests/test_rule_numbers.py compares
them with what the pages say."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import torch
from page_numbers import said, show, table
from torch import Tensor, nn
from torch.func import jvp

WIDTH: Final = 64
STEPS: Final = 100
NETWORKS: Final = 8
LAWS: Final[Mapping[str, Callable[[Tensor], object]]] = {
    "torch's default": lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)),
    "Xavier": nn.init.xavier_normal_,
    "orthogonal": nn.init.orthogonal_,
    "identity": nn.init.eye_,
    "He": nn.init.kaiming_normal_,
}
STACKED: Final = "one orthogonal matrix for all"


# -- states over time ------------------------------------------------------------------------------------------------


def carried(law: str, activation: Callable[[Tensor], Tensor]) -> float:
    """What a change of the state of a plain recurrent network without input is multiplied by, in the mean of logs."""
    logs = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        matrix = torch.empty(WIDTH, WIDTH).double()
        LAWS[law](matrix)
        state, change, log = torch.randn(WIDTH).double(), torch.randn(WIDTH).double(), 0.0
        for _ in range(STEPS):
            state, after = jvp(lambda h, m=matrix: activation(m @ h), (state,), (change,))[:2]
            log += math.log(max(float(after.norm()), 1e-300) / float(change.norm()))
            change = after / max(float(after.norm()), 1e-300)
        logs.append(log)
    return math.exp(sum(logs) / len(logs))


def gated(law: str, kind: type[nn.LSTMCell | nn.GRUCell], forget: float = 0.0) -> float:
    """The same for the states of cells with gates, each with a matrix of its own."""
    logs = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        cell = kind(1, WIDTH).double()
        matrix = cell.weight_hh.detach()
        for gate in [matrix] if law == STACKED else matrix.chunk(len(matrix) // WIDTH):
            LAWS["orthogonal" if law == STACKED else law](gate)
        for bias in (cell.bias_ih, cell.bias_hh):
            nn.init.zeros_(bias)
        if kind is nn.LSTMCell:
            nn.init.constant_(cell.bias_hh[WIDTH : 2 * WIDTH], forget)
        pair = kind is nn.LSTMCell
        state = torch.randn(2 if pair else 1, WIDTH).double()
        change, log, none = torch.randn_like(state), 0.0, torch.zeros(1, 1).double()

        def step(s: Tensor, cell: nn.Module = cell, pair: bool = pair, none: Tensor = none) -> Tensor:
            return torch.cat(cell(none, (s[:1], s[1:]))) if pair else cell(none, s)

        for _ in range(STEPS):
            state, after = jvp(step, (state,), (change,))[:2]
            log += math.log(after.norm().item() / change.norm().item())
            change = after / after.norm()
        logs.append(log)
    return math.exp(sum(logs) / len(logs))


def radius(law: str) -> float:
    """The mean size of the largest eigenvalue."""
    found = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        matrix = torch.empty(WIDTH, WIDTH).double()
        LAWS[law](matrix)
        found.append(float(torch.linalg.eigvals(matrix).abs().max()))
    return sum(found) / len(found)


def recurrent(laws: Sequence[str]) -> str:
    rows = [["law of the recurrent matrix", "spectral radius", f"{STEPS} steps of tanh", "of relu"]]
    rows += [[law, said(radius(law)), said(carried(law, torch.tanh)), said(carried(law, torch.relu))] for law in laws]
    return (
        f"What a change of the state is multiplied by, hidden_size {WIDTH}, no input (sampled, {NETWORKS} networks):"
        f"\n\n{table(rows)}"
    )


def with_gates(laws: Sequence[str]) -> str:
    rows = [["law of each gate's matrix", "LSTM, forget bias 0", "LSTM, forget bias 1", "GRU"]]
    for law in laws:
        lstm = [said(gated(law, nn.LSTMCell, forget)) for forget in (0.0, 1.0)]
        rows.append([law, *lstm, said(gated(law, nn.GRUCell))])
    return f"The same for gates, {STEPS} steps:\n\n{table(rows)}"


def over_time() -> str:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the products are small, and threads that wait cost more than they do
    try:
        return recurrent(tuple(LAWS)) + "\n\n" + with_gates(("torch's default", "Xavier", "orthogonal", STACKED))
    finally:
        torch.set_num_threads(threads)


def before_selu() -> str:
    """The variance of each law, of the 1 / fan_in that SELU needs."""
    calls: dict[str, Callable[[Tensor], object]] = {
        'kaiming_normal_(nonlinearity="linear"), lecun_normal': lambda w: nn.init.kaiming_normal_(
            w, nonlinearity="linear"
        ),
        'kaiming_normal_(nonlinearity="selu"), gain 3/4': lambda w: nn.init.kaiming_normal_(w, nonlinearity="selu"),
        "torch's default": LAWS["torch's default"],
        "kaiming_normal_, he_normal": LAWS["He"],
    }
    rows = [["law", "variance, as a multiple of 1 / fan_in"]]
    for name, law in calls.items():
        torch.manual_seed(0)
        weight = torch.empty(1024, 1024)
        law(weight)
        rows.append([name, f"{1024 * float(weight.var()):.2f}"])
    return table(rows)


def forgetting() -> str:
    """What a cell keeps through its forget gate alone, other gates' inputs being zero."""
    rows = [["bias of the forget gate", "kept in one step", "after 10 steps", "after 40 steps"]]
    for bias in (-1.0, 0.0, 1.0, 2.0):
        kept = float(torch.sigmoid(torch.tensor(bias)))
        rows.append([f"{bias:g}", *(said(kept**steps) for steps in (1, 10, 40))])
    return table(rows)


MEASURED: Final[Mapping[str, Callable[[], str]]] = {
    "INI203": before_selu,
    "INI301": over_time,
    "INI302": forgetting,
}


if __name__ == "__main__":
    show(sys.argv[1:], MEASURED)
