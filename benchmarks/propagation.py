"""The signal model beside the real torch, over the networks of tests/test_propagation_torch.py.

    python benchmarks/propagation.py [WORD...]

One line for each network and quantity: the std at the end as predicted, and as measured relative to it (the root mean
square over draws, with its standard error); then the growth of a layer, the same way. WORDs choose networks by what
their description says ("relu", "layer"). Nothing here fails: it prints a table.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

import torch  # noqa: E402
from test_propagation_torch import GRID  # noqa: E402
from torch_networks import compare  # noqa: E402


def main(words: list[str]) -> None:
    torch.set_num_threads(1)
    print(f"{'network':50} {'draws':>5} {'':9} {'predicted':>10} {'end':>16} {'layer':>18}")
    worst = 0.0
    for spec in GRID:
        if not all(word in str(spec) for word in words):
            continue
        for one in compare(spec):
            end, growth = f"{one.end:.3f} ± {one.end_error:.3f}", f"{one.growth:.4f} ± {one.growth_error:.4f}"
            print(f"{spec!s:50} {spec.draws:5} {one.name:9} {one.predicted:10.3g} {end:>16} {growth:>18}", flush=True)
            worst = max(worst, abs(one.growth - 1))
    print(f"growth of a layer: at most {worst:.1%} off")


if __name__ == "__main__":
    main(sys.argv[1:])
