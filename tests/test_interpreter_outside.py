"""What is no way of a model's data, and what stands outside of the project: neither is guessed."""

from __future__ import annotations

import collections.abc
import numbers
import warnings
from pathlib import Path
from textwrap import dedent
from typing import Any, cast

import pytest
from scenes import by_entry, final, model

from initlint import inspection, pipeline
from initlint.interpret import read
from initlint.interpret.postponed import Deferred
from initlint.interpret.project import Project
from initlint.interpret.torch import is_value_kind
from initlint.interpret.values import DictValue, ListValue, Symbol, Value
from initlint.source import Source


def test_methods_of_the_framework_that_are_overridden_take_no_data() -> None:
    text = """
    class Picky(Net):
        def __init__(self):
            super().__init__()
            self.spare = nn.Linear(4, 4)
            nn.init.orthogonal_(self.spare.weight)

        def load_state_dict(self, state_dict, **options):
            self.spare.weight.data = state_dict.pop("spare")
            super().load_state_dict(state_dict, **options)
    """
    assert final(by_entry(text)["Picky"]) == {"default", "orthogonal"}


def test_an_outside_object_may_be_anything() -> None:
    text = """
    import sys

    def build():
        table = sys.modules["net"].table
        assert isinstance(table, dict)
        net = Net()
        for layer in (net.a, net.b):
            nn.init.orthogonal_(layer.weight)
        return net
    """
    assert final(by_entry(text)["build"]) == {"orthogonal"}


def test_a_construction_that_refuses_none_after_its_first_layers_is_begun_again() -> None:
    text = """
    class Deep(nn.Module):
        def __init__(self, depth=None):
            super().__init__()
            self.stem = nn.Linear(4, 4)
            assert all([depth is not None])
            self.body = nn.Sequential(*[nn.Linear(4, 4) for _ in range(depth)])
            for layer in (self.stem, *self.body):
                nn.init.orthogonal_(layer.weight)

        def forward(self, x):
            return self.body(self.stem(x))
    """
    assert final(by_entry(text)["Deep"]) == {"orthogonal"}


def test_a_checkpoint_that_is_always_loaded_is_no_initializer() -> None:
    text = """
    def load(path):
        net = Net()
        nn.init.orthogonal_(net.a.weight)
        net.load_state_dict(torch.load(path))
        return net
    """
    found = [row.init.name for row in inspection.rows(model(text), ["net.py"]) if row.init is not None]
    assert found == ["orthogonal", "default"]


def test_arguments_that_a_decorator_from_outside_keeps() -> None:
    """Diffusers' register_to_config: the constructor's arguments are the model's config."""
    text = """
    import torch.nn.functional as F
    from diffusers.configuration_utils import register_to_config
    from torch import nn

    class Net(nn.Module):
        @register_to_config
        def __init__(self, dim=4, act="silu"):
            super().__init__()
            self.a = nn.Linear(dim, dim)
            self.b = nn.Linear(self.config.dim, 2)

        def forward(self, x):
            x = self.a(x)
            return self.b(F.silu(x) if self.config.act == "silu" else F.relu(x))
    """
    (context,) = read([Source("net.py", dedent(text))], Project(lambda _: None)).contexts
    assert [(one.fan_in, one.activations) for one in context.layers] == [(4, ("silu",)), (4, ("output",))]


@pytest.mark.parametrize(
    "call, weight",
    [
        ("fvcore.nn.weight_init.c2_msra_fill(m)", "kaiming_normal(mode=fan_out, nonlinearity=relu)"),
        ("fvcore.nn.weight_init.c2_xavier_fill(m)", "kaiming_uniform(a=1)"),
        ("mmengine.model.kaiming_init(m)", "kaiming_normal(a=0, mode=fan_out, nonlinearity=relu)"),
        (
            "mmcv.cnn.kaiming_init(m, mode='fan_in', distribution='uniform')",
            "kaiming_uniform(a=0, mode=fan_in, nonlinearity=relu)",
        ),
        ("mmengine.model.weight_init.xavier_init(m, distribution='uniform')", "xavier_uniform(gain=1)"),
        ("mmcv.cnn.normal_init(m, std=0.01, bias=-2)", "normal(mean=0, std=0.01)"),
        ("mmcv.cnn.caffe2_xavier_init(m)", "kaiming_uniform(a=1, mode=fan_in, nonlinearity=leaky_relu)"),
    ],
)
def test_initializers_from_outside_that_take_a_layer(call: str, weight: str) -> None:
    """They fill the weight by torch's functions, and the bias with a constant."""
    module = call.partition("(")[0].rpartition(".")[0]
    text = (
        f"import {module}\nfrom torch import nn\n\nm = nn.Conv2d(3, 8, 3)\n{call}\nnet = nn.Sequential(m, nn.ReLU())\n"
    )
    (context,) = read([Source("net.py", text)], Project(lambda _: None)).contexts
    (kernel,), (bias,) = (w.effective() for w in context.layers[0].weights)
    assert kernel is not None
    assert bias is not None
    assert f"{kernel.name}({', '.join(f'{k}={v}' for k, v in kernel.args)})" == weight
    assert (bias.name, dict(bias.args)) == ("constant", {"val": -2 if "bias" in call else 0})


BLOCK = """
import torch
from torch import nn

class {0}Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return torch.{1}(self.fc(x))
"""
MODEL = """
class {0}Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = {0}Block()
        {1}

    def forward(self, x):
        return self.block(x)

def build():
    return {0}Model()
"""


def other_ways(folder: Path, said: str) -> set[str]:
    """The initializers told of a block in another file, where models of that file and of a template have it."""
    theirs = "import torch\nfrom torch import nn\nfrom .net import AlphaBlock\nclass BetaBlock(AlphaBlock): ...\n"
    (folder / "__init__.py").touch()
    (folder / "net.py").write_text(
        BLOCK.format("Alpha", "relu") + MODEL.format("Alpha", "nn.init.ones_(self.block.fc.weight)")
    )
    (folder / "modular_beta.py").write_text(theirs + MODEL.format("Beta", "pass"))
    (folder / "modeling_beta.py").write_text(said + BLOCK.format("Beta", "tanh") + MODEL.format("Beta", "pass"))
    rows = pipeline.inspect_paths([str(folder)]).rows
    return {row.init.name for row in rows if row.init is not None and row.place.file.endswith("net.py")}


@pytest.mark.parametrize("said", ["generated from", "automatically generated from", "generated automatically from"])
def test_what_a_file_is_generated_from_is_not_what_runs(tmp_path: Path, said: str) -> None:
    header = f"#   This file was {said} src/beta/modular_beta.py.\n#   Do NOT edit it"
    assert other_ways(tmp_path, header) == {"ones"}


@pytest.mark.parametrize("said", ["", "# generated from modular_gamma.py", "# generated from the paper"])
def test_other_files_that_derive_a_class_run(tmp_path: Path, said: str) -> None:
    assert other_ways(tmp_path, said) == {"ones", "default"}


def test_a_template_shows_its_own_layers() -> None:
    sources = [
        Source("modular_beta.py", BLOCK.format("Beta", "relu")),
        Source("modeling_beta.py", "# generated from modular_beta.py" + BLOCK.format("Beta", "relu")),
    ]
    found = inspection.rows(read(sources, Project(lambda _: None)), [source.path for source in sources])
    assert [row.place.file for row in found] == ["modeling_beta.py", "modular_beta.py"]


ABSTRACT = [(module, name) for module in (collections.abc, numbers) for name in module.__all__]
VALUES: list[Any] = [True, 1, 1.5, "a", b"a", (), range(2), None]
KEPT: list[tuple[Any, Any]] = [*((v, v) for v in VALUES), (ListValue(()), []), (DictValue({}), {})]


@pytest.mark.parametrize("value, real", KEPT, ids=[type(real).__name__ for _, real in KEPT])
def test_what_plain_values_are_instances_of_is_what_python_says(value: Any, real: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # ByteString
        for module, name in ABSTRACT:
            answer = is_value_kind(value, Symbol.of(f"{module.__name__}.{name}"))
            assert bool(answer) == isinstance(real, getattr(module, name)), name


@pytest.mark.parametrize("load", ["import_module(name)", "importlib.import_module(name)", "__import__(name).nn"])
def test_modules_outside_that_are_imported_by_name_are_what_an_import_binds(load: str) -> None:
    text = f"""
    import importlib
    from importlib import import_module

    def optional(name, kind):
        try:
            module = {load}
            return getattr(module, kind), True
        except ImportError:
            return None, False

    Layer, found = optional("torch.nn", "Linear")

    def build():
        return nn.Sequential(Layer(4, 8), nn.ReLU(), Layer(8, 2))
    """
    assert [layer.kind for layer in by_entry(text)["build"].layers] == ["Linear", "Linear"]


def test_what_is_done_to_a_model_that_is_put_off_waits_until_it_is_built() -> None:
    done: list[Value] = []
    put_off = Deferred(cast("Any", None), lambda: "built")
    put_off.then(done.append)
    put_off.then(done.append)
    assert done == []
    assert put_off.force() == "built"
    assert done == ["built", "built"]
    put_off.then(done.append)
    assert done == ["built"] * 3
