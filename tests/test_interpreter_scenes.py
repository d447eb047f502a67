"""What the interpreter makes of code around models: guards, scripts, callers that are not visible, names, copies."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

import pytest
import torch
from lintable import told
from torch import nn

from initlint import strengths
from initlint.graph import DATA, OUTPUT, Context, Model
from initlint.interpret import read
from initlint.interpret.initializer_names import is_known, nearest
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.machine import RAISES
from initlint.interpret.project import Project
from initlint.knowledge import knowledge
from initlint.source import Point, Source

HEAD = """\
import contextlib
import torch
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.b = nn.Linear(8, 2)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))

def init(m):
    if isinstance(m, nn.Linear):
        nn.init.orthogonal_(m.weight)

"""


def model(text: str) -> Model:
    return read([Source("net.py", HEAD + dedent(text))], Project(lambda _: None))


def by_entry(text: str) -> dict[str, Context]:
    return {context.entry: context for context in model(text).contexts}


def final(context: Context) -> set[str]:
    return {e.name for one in context.layers for w in one.weights if w.name == "weight" for e in w.effective() if e}


# -- entries ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, entry",
    [
        ("def main():\n    net = Net()\n    net.apply(init)\n\nif __name__ == '__main__':\n    main()\n", "<module>"),
        ("def main():\n    net = Net()\n    net.apply(init)\n", "main"),
        (
            "class Trainer:\n    def __init__(self, c):\n        self.net = Net()\n        self.net.apply(init)\n",
            "Trainer",
        ),
    ],
)
def test_models_that_are_kept_where_they_are_built_are_seen(text: str, entry: str) -> None:
    contexts = by_entry(text)
    assert set(contexts) == {entry}
    assert final(contexts[entry]) == {"orthogonal"}
    assert {(edge.source, edge.target) for edge in contexts[entry].edges} == {(DATA, 0), (0, 1), (1, OUTPUT)}


@pytest.mark.parametrize(
    "text",
    [
        "def test_net():\n    Net().apply(init)\n",
        "import pytest\n@pytest.fixture\ndef net():\n    Net().apply(init)\n",
        "class TestNet:\n    def __init__(self):\n        Net().apply(init)\n",
        "def count(values):\n    print(len(values))\n",
    ],
)
def test_tests_and_other_functions_are_no_entries(text: str) -> None:
    assert "Net" in by_entry(text)
    assert not {"test_net", "net", "TestNet", "count"} & set(by_entry(text))


def test_a_model_called_in_a_script_has_data_and_an_output() -> None:
    context = by_entry("net = Net()\nout = net(torch.randn(3, 4))\n")["<module>"]
    assert {(edge.source, edge.target) for edge in context.edges} == {(DATA, 0), (0, 1), (1, OUTPUT)}


def test_a_construction_that_raises_is_not_complete() -> None:
    text = "class Base(Net):\n    def __init__(self):\n        super().__init__()\n        raise NotImplementedError\n"
    assert not by_entry(text)["Base"].complete


def test_a_construction_that_refuses_none_is_tried_with_what_its_users_may_give() -> None:
    text = """
    class Staged(nn.Module):
        def __init__(self, kind=None, *, act=None):
            super().__init__()
            if kind not in ("plain", "deep"):
                raise ValueError(kind)
            self.first = nn.Linear(8, 4)
    """
    context = by_entry(text)["Staged"]
    assert [layer.kind for layer in context.layers] == ["Linear"]
    assert not context.complete


def test_a_function_for_other_files_is_asked_for_what_no_caller_can_mend() -> None:
    text = """
    def weights_init(m, bias=None):
        if isinstance(m, nn.Conv2d):
            nn.init.kaiming_normal_(m.weight, nonlinearity="gelu")
            nn.init.zeros_(bias)
        else:
            nn.init.he_normal_(m.weight)
            m.weight.mul_(2)
    """
    found = [(i.kind, i.certain) for c in model(text).contexts for i in c.incidents]
    assert found == [("unsupported-nonlinearity", True), ("unknown-initializer", True)]
    assert next(m for m in model(text).methods if m.name == "weights_init").called is None


@pytest.mark.parametrize("indent", ["if path:\n    ", ""])
def test_a_checkpoint_that_may_be_loaded_leaves_the_initializers_in_force(indent: str) -> None:
    text = f"path = open('name').read()\nnet = Net()\nnet.apply(init)\n{indent}net.load_state_dict(torch.load(path))\n"
    assert final(by_entry(text)["<module>"]) == ({"orthogonal"} if indent else {"unknown"})


def test_a_model_made_in_one_branch_is_what_that_branch_made_it() -> None:
    text = """
    def main():
        if open("name").read():
            net = Net()
            net.apply(init)
        else:
            net = None

    main()
    """
    assert final(by_entry(text)["<module>"]) == {"orthogonal"}


# -- guards -------------------------------------------------------------------------------


def guarded(handler: str) -> str:
    return f"net = Net()\ntry:\n    nn.init.xavier_uniform_(net.a.bias)\n{handler}\n    nn.init.ones_(net.a.bias)\n"


@pytest.mark.parametrize(
    "handler", ["except ValueError:", "except (OSError, ValueError):", "except:", "except Exception:"]
)
def test_a_handler_that_takes_it_guards_and_runs(handler: str) -> None:
    assert not {code for _, code in told(HEAD + guarded(handler))} & {"INI601"}
    bias = by_entry(guarded(handler))["<module>"].layers[0].weights[1]
    assert [event.name if event else "" for event in bias.effective()] == ["ones"]


@pytest.mark.parametrize("handler", ["except KeyError:", "except ValueError:\n    raise", "finally:"])
def test_another_handler_does_not(handler: str) -> None:
    assert "INI601" in {code for _, code in told(HEAD + guarded(handler))}


def test_suppress_guards_too() -> None:
    text = "net = Net()\nwith contextlib.suppress({}):\n    nn.init.xavier_uniform_(net.a.bias)\n"
    assert "INI601" not in {code for _, code in told(HEAD + text.format("ValueError"))}
    assert "INI601" in {code for _, code in told(HEAD + text.format("KeyError"))}


def assign_tensor() -> None:
    nn.Linear(2, 2).weight = torch.zeros(2, 2)


UNSUPPORTED: Any = "gelu"
CRASHES: dict[str, Callable[[], object]] = {
    "fan-of-vector": lambda: nn.init.xavier_uniform_(torch.empty(3)),
    "unsupported-nonlinearity": lambda: nn.init.kaiming_normal_(torch.empty(3, 3), 0, "fan_in", UNSUPPORTED),
    "wrong-rank": lambda: nn.init.eye_(torch.empty(3)),
    "missing-bias": lambda: nn.init.zeros_(nn.Linear(2, 2, bias=False).bias),
    "unknown-initializer": lambda: nn.init.he_normal_,  # type: ignore[attr-defined]
    "init-of-module": lambda: nn.init.zeros_(nn.Linear(2, 2)),  # type: ignore[arg-type]
    "inplace-on-leaf": lambda: nn.Linear(2, 2).weight.mul_(2),
    "assign-non-parameter": assign_tensor,
}


@pytest.mark.parametrize("kind", sorted(RAISES))
def test_torch_raises_what_the_table_says(kind: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - which one is what is asked
        CRASHES[kind]()
    assert type(raised.value).__name__ == RAISES[kind]


# -- names --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def machine() -> Interpreter:
    return Interpreter(Project(lambda _: None), knowledge())


def test_what_torch_has_is_known(machine: Interpreter) -> None:
    assert [name for name in dir(nn.init) if not is_known(machine, name)] == []


@pytest.mark.parametrize(
    "name, meant",
    [
        ("he_normal_", "kaiming_normal_"),
        ("glorot_uniform", "xavier_uniform_"),
        ("trunc_norm_", "trunc_normal_"),
        ("xavier_unifrom_", "xavier_uniform_"),
        ("fixup_", ""),
    ],
)
def test_the_name_that_was_meant(machine: Interpreter, name: str, meant: str) -> None:
    assert not hasattr(nn.init, name)
    assert nearest(machine, name) == meant


@pytest.mark.parametrize(
    "text, codes",
    [
        ("from torch.nn.init import he_normal_\n", {"INI604"}),
        ("try:\n    from torch.nn.init import he_normal_\nexcept ImportError:\n    he_normal_ = None\n", set()),
        ("layer = nn.Linear(2, 2)\nif hasattr(nn.init, 'he_normal_'):\n    nn.init.he_normal_(layer.weight)\n", set()),
        (
            "layer = nn.Linear(2, 2)\nf = getattr(nn.init, 'he_normal_', nn.init.kaiming_normal_)\nf(layer.weight)\n",
            set(),
        ),
        ("try:\n    f = nn.init.he_normal_\nexcept AttributeError:\n    f = None\n", set()),
    ],
)
def test_names_that_are_asked_for_first_are_no_finding(text: str, codes: set[str]) -> None:
    assert {code for _, code in told("import torch.nn as nn\n" + text)} == codes


# -- memory -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body, lost",
    [
        ("w = self.a.weight.clone()\n        w.zero_()", True),
        (
            "w = self.a.bias.clone()\n        w[2:].zero_()\n        return nn.functional.linear(x, self.a.weight, w)",
            False,
        ),
        ("w = self.a.weight.clone()\n        w.view(-1).zero_()\n        self.kept = w", False),
        ("w = self.a.weight.clone()\n        w.zero_()\n        return w", False),
        ("w = self.a.weight.clone()\n        w.zero_()\n        v = w + 1", False),
        ("self.a.weight.data.flatten(1).zero_()", False),
    ],
)
def test_a_changed_copy_that_is_used_is_no_lost_write(body: str, lost: bool) -> None:
    text = HEAD + f"class Changed(Net):\n    def forward(self, x):\n        {body}\n"
    assert ("INI506" in {code for _, code in told(text)}) == lost


@pytest.mark.parametrize("sizes", ["3, 4", "in_features=3, out_features=4, device='cpu'"])
def test_skip_init_leaves_memory_as_it_is(sizes: str) -> None:
    kernel = by_entry(f"net = nn.utils.skip_init(nn.Linear, {sizes})\n")["<module>"].layers[0].weights[0]
    assert (kernel.memory, kernel.shape, kernel.histories) == (True, (4, 3), ((),))


def test_times_zero_is_zero() -> None:
    assert final(by_entry("net = nn.Linear(3, 4)\nnet.weight.data.mul_(0)\n")["<module>"]) == {"zeros"}


@pytest.mark.parametrize("draw", ["kaiming_normal_", "kaiming_uniform_"])
@pytest.mark.parametrize("words", ["", ", mode='fan_out', nonlinearity='tanh'", ", a=2"])
@pytest.mark.parametrize("change, factor", [("mul_(-3)", 3), ("div_(4)", 1 / 4)])
def test_a_kaiming_draw_times_a_number_keeps_a_law(draw: str, words: str, change: str, factor: float) -> None:
    text = f"net = nn.Linear(300, 400)\nnn.init.{draw}(net.weight{words})\nnet.weight.data.{change}\n"
    kernel = by_entry(text)["<module>"].layers[0].weights[0]
    (event,) = kernel.effective()
    assert event is not None
    law = strengths.law(kernel, event)
    assert law is not None
    space: dict[str, Any] = {"nn": nn}
    torch.manual_seed(0)
    exec(text, space)  # noqa: S102
    assert law.std(300, 400) == pytest.approx(space["net"].weight.std().item(), rel=0.02)


def test_arguments_have_their_places() -> None:
    text = "net = nn.Linear(3, 4)\nnn.init.kaiming_normal_(net.weight, 0.1,\n    nonlinearity='relu')\n"
    (event,) = by_entry(text)["<module>"].layers[0].weights[0].effective()
    assert event is not None
    first = HEAD.count("\n")
    assert {name: at.span.start for name, at in event.spans} == {
        "a": Point(first + 2, 37),
        "nonlinearity": Point(first + 3, 18),
    }


@pytest.mark.parametrize(
    "make, internal",
    [
        ("nn.RNN(3, 4)", ("tanh",)),
        ("nn.RNN(3, 4, nonlinearity='relu')", ("relu",)),
        ("nn.LSTM(3, 4)", ("sigmoid", "tanh")),
        ("nn.GRUCell(3, 4)", ("sigmoid", "tanh")),
        ("nn.RNN(3, 4, nonlinearity=open('name').read())", None),
        ("nn.Linear(3, 4)", ()),
    ],
)
def test_activations_inside_recurrent_layers(make: str, internal: tuple[str, ...] | None) -> None:
    assert by_entry(f"net = {make}\n")["<module>"].layers[0].internal == internal


@pytest.mark.parametrize("gate", ["self.gate * x", "x * self.gate", "torch.mul(x, self.gate)"])
def test_scaling_by_a_raw_parameter_names_it(gate: str) -> None:
    text = f"""
    class Gated(Net):
        def __init__(self):
            super().__init__()
            self.gate = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return super().forward({gate})
    """
    context = by_entry(text)["Gated"]
    scales = [node for node in context.nodes if node.op == "scale"]
    assert [(node.name, context.layers[node.layer].name) for node in scales] == [("parameter", "Gated.gate")]
    layers = [context.layers[node.layer].name for node in context.nodes if node.op == "layer"]
    assert layers == ["Gated.a", "Gated.b"]


def test_norms_are_shown_to_rules_where_a_test_misses_them_only() -> None:
    text = """
    class Normed(Net):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(8)
            self.apply(self.init)

        def init(self, m):
            if isinstance(m, {}):
                nn.init.normal_(m.weight, 1.0, 0.02)
    """
    for asked, shown in (("nn.BatchNorm2d", True), ("nn.BatchNorm1d", False), ("nn.Conv2d", False)):
        layers = by_entry(text.format(asked))["Normed"].layers
        assert [one.kind for one in layers if one.is_norm] == (["BatchNorm1d"] if shown else [])


# -- loops of unknown length --------------------------------------------------------------


@pytest.mark.parametrize(
    "loop",
    [
        "for i in range(depth):\n    blocks.append(nn.Linear(4, 4))",
        "for i in range(depth):\n    blocks += [nn.Linear(4, 4)]",
        "for i in range(depth):\n    blocks.extend([nn.Linear(4, 4)])",
        "while len(blocks) < depth:\n    blocks.append(nn.Linear(4, 4))",
        "blocks = [nn.Linear(4, 4) for i in range(depth)]",
    ],
)
def test_what_a_loop_of_unknown_length_makes_is_marked(loop: str) -> None:
    body = loop.replace("\n", "\n    ")
    context = by_entry(
        f"def build(depth):\n    blocks = []\n    {body}\n    last = nn.Linear(4, len(blocks))\n"
        "    return nn.Sequential(*blocks, last)\n"
    )["build"]
    assert {(layer.repeated, layer.fan_out) for layer in context.layers} == {(True, 4), (False, None)}


def test_what_a_turn_makes_for_itself_is_whole() -> None:
    context = by_entry(
        "def build(depth):\n    blocks = []\n    for i in range(depth):\n        pair = []\n"
        "        pair.append(nn.Linear(4, 4))\n        blocks.append(nn.Linear(4, len(pair)))\n"
        "    return nn.Sequential(*blocks)\n"
    )["build"]
    assert {layer.fan_out for layer in context.layers} == {4, 1}


def test_a_loop_of_known_length_is_not_marked() -> None:
    context = by_entry(
        "def build():\n    blocks = []\n    for i in range(3):\n        blocks.append(nn.Linear(4, 4))\n"
        "    return nn.Sequential(*blocks, nn.Linear(4, len(blocks)))\n"
    )["build"]
    assert [(layer.repeated, layer.fan_out) for layer in context.layers] == [(False, 4)] * 3 + [(False, 3)]


def test_a_law_that_is_scaled_holds_floats() -> None:
    """As it does where this is compiled: `20` and `20.0` read differently."""
    text = "class Net(Net):\n    def __init__(self):\n        self.scale = nn.Parameter(torch.ones(8) * 20)\n"
    (layer,) = by_entry(text)["Net"].layers
    ((event,),) = layer.weights[0].histories
    assert repr(event.args) == "(('val', 20.0),)"


def test_a_visit_by_a_nested_function_depends_on_what_is_around_it() -> None:
    text = """
    class Holder(nn.Module):
        pass

    def leave(m):
        return None

    def fill(m):
        m.layer = nn.Linear(8, 8)

    def visiting(visitor):
        def visit(m):
            return visitor(m)
        return visit

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([Holder(), Holder(), Holder()])
            for visitor, part in zip((leave, leave, fill), self.parts):
                visiting(visitor)(part)
    """
    assert [one.kind for one in by_entry(text)["Whole"].layers] == ["Linear"]
