"""What the interpreter makes of code around models: scripts, callers that are not visible, copies, loops."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lintable import told
from scenes import HEAD, by_entry, final, model
from torch import nn

from initlint import strengths
from initlint.graph import DATA, OUTPUT
from initlint.interpret import entries
from initlint.source import Point

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
        "_ = net.apply(init)",
        "for m in net.modules():\n    if isinstance(m, nn.Linear):\n        _ = nn.init.orthogonal_(m.weight)",
        "a = nn.init.orthogonal_(net.a.weight)\nb: object = nn.init.orthogonal_(net.b.weight)",
        "_ = nn.init.orthogonal_(net.a.weight), nn.init.orthogonal_(net.b.weight)",
    ],
)
def test_initializers_whose_result_is_bound_have_run(text: str) -> None:
    """As notebooks do, to print nothing."""
    assert final(by_entry(f"net = Net()\n{text}\n")["<module>"]) == {"orthogonal"}


def test_methods_of_tensors_whose_result_is_bound_have_run() -> None:
    text = "net = Net()\n_ = net.a.weight.data.normal_(0, 0.1)\nw = net.b.weight.data.normal_()\n"
    assert final(by_entry(text)["<module>"]) == {"normal"}


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


@pytest.mark.parametrize("use", ["y.sum().backward()", "loss = torch.cat([y, y]).mean()", "y.view(-1)", ""])
def test_what_a_script_makes_of_a_result_is_no_part_of_the_model(use: str) -> None:
    script = by_entry(f"y = Net()(torch.zeros(3, 4))\n{use}\n")["<module>"]
    assert [one.activations for one in script.layers] == [("relu",), ("output",)]


def test_of_a_script_whose_steps_run_out_the_finished_models_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "ENTRY_FUEL", 600)
    text = """
    class Wide(nn.Module):
        def __init__(self):
            super().__init__()
            self.c = nn.Linear(4, 4)
            for size in range(250):
                self.c.size = size * 2
            nn.init.zeros_(self.c.weight)

    def trial(make):
        net = make()
        net.apply(init)
        return net

    trial(Net), trial(Wide)
    """
    script = by_entry(text)["<module>"]
    assert not script.complete
    ends = {one.name: [h[-1].name for h in one.weights[0].histories] for one in script.layers}
    assert ends == {"Net.a": ["orthogonal"], "Net.b": ["orthogonal"], "Wide.c": ["unknown"]}


def test_a_class_that_a_later_entry_builds_is_a_part() -> None:
    text = """
    def make(kind, width=None):
        if kind == "block":
            if width is None:
                raise ValueError("a block needs a width")
            return Block()
        return Net()

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([make(kind, 4) for kind in ("block", "net")])

        def forward(self, x):
            return self.blocks[0](x)

    class Block(Net):
        def __init__(self):
            super().__init__()
            self.c = nn.Linear(2, 2)

        def forward(self, x):
            return self.c(super().forward(x))
    """
    parts = {context.entry: context.part for context in model(text).contexts if context.built}
    assert parts == {"Block": True, "Model": False}


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


def test_what_addmm_adds_to_a_product_is_no_factor() -> None:
    """A bias is no layer that the product's factors feed; data that is added is a branch."""
    text = """
        class Raw(nn.Module):
            def __init__(self):
                super().__init__()
                self.weight = nn.Parameter(torch.randn(8, 8))
                self.bias = nn.Parameter(torch.zeros(8))

            def forward(self, x):
                x = torch.relu(torch.addmm(self.bias, x, self.weight))
                return torch.tanh(torch.addmm(x, x, beta=0.5, mat2=self.weight))
    """
    found = {layer.name: layer.activations for layer in by_entry(text)["Raw"].layers}
    assert found == {"Raw.weight": ("relu", "tanh"), "Raw.bias": ()}


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
