"""Fixes in the forms that people write besides those of the fixtures: one-line suites, semicolons, imports, layout."""

from __future__ import annotations

import re

import pytest
from lintable import told

from initlint.findings import Declined, Fix
from initlint.mending import mend_source
from initlint.pipeline import lint_source

EYE = "import torch\nfrom torch.nn import Linear, Parameter\n\na = Linear(4, 4)\n"
HEAD = "import torch.nn as nn\n\nlayer = nn.Linear(8, 8)\n"
NET = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, depth=1):
        super().__init__()
        self.fc = nn.Linear(8, 8)
"""
ONE_LINE = "import torch.nn as nn\n\n\nclass Net(nn.Module):\n"
INIT = """
    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.trunc_normal_(m.weight, std=0.02)

    def forward(self, x): return self.fc(x)


net = Net()
"""
CALL = """

def init(m):
    if isinstance(m, nn.Linear):
        nn.init.trunc_normal_(m.weight, std=0.02)


net = Net()
"""


def fixed(text: str, *, unsafe: bool = True) -> str:
    done = mend_source(text.encode(), "net.py", unsafe=unsafe, debug=True).text
    assert done is not None
    return done.decode()


CASES = {
    "after a colon": (
        f"{HEAD}for m in [layer]: nn.init.xavier_uniform_(m.bias)  # all of them\n",
        f"{HEAD}for m in [layer]: nn.init.zeros_(m.bias)  # all of them\n",
    ),
    "a guard after a colon": (
        f"{HEAD}for p in layer.parameters(): nn.init.xavier_uniform_(p)\n",
        f"{HEAD}for p in layer.parameters():\n    if p.dim() > 1:\n        nn.init.xavier_uniform_(p)\n",
    ),
    "over several lines": (
        f"{HEAD}nn.init.kaiming_normal_(\n    layer.weight,  # the matrix\n    nonlinearity='ReLU',\n)\n",
        f"{HEAD}nn.init.kaiming_normal_(\n    layer.weight,  # the matrix\n    nonlinearity='relu',\n)\n",
    ),
    "with tabs": (
        f"{HEAD}if layer:\n\tfor p in layer.parameters():\n\t\tnn.init.orthogonal_(p)\n",
        f"{HEAD}if layer:\n\tfor p in layer.parameters():\n\t\tif p.dim() > 1:\n\t\t\tnn.init.orthogonal_(p)\n",
    ),
    "without a last line end": (
        f"{HEAD}nn.init.he_normal_(layer.weight)",
        f"{HEAD}nn.init.kaiming_normal_(layer.weight)",
    ),
    "imported by name": (
        f"{HEAD}from torch.nn.init import he_normal_\n\nhe_normal_(layer.weight)",
        f"{HEAD}from torch.nn.init import kaiming_normal_\n\nkaiming_normal_(layer.weight)",
    ),
    "no torch to import from": (
        f"{HEAD}layer.weight.normal_(0, 0.02)\n",
        f"import torch\n{HEAD}with torch.no_grad():\n    layer.weight.normal_(0, 0.02)\n",
    ),
    "torch under another name": (
        f"import torch as th\n{HEAD}layer.weight.normal_(0, 0.02)\n",
        f"import torch as th\n{HEAD}with th.no_grad():\n    layer.weight.normal_(0, 0.02)\n",
    ),
    "Parameter by name": (
        f"{EYE}a.weight = torch.eye(4)\n",
        f"{EYE}a.weight = Parameter(torch.eye(4))\n",
    ),
    "arguments out of place": (
        f'{HEAD}nn.init.kaiming_uniform_(layer.weight, "fan_in", "relu")\n',
        f'{HEAD}nn.init.kaiming_uniform_(layer.weight, mode="fan_in", nonlinearity="relu")\n',
    ),
    "a parameter of a list": (
        f"{NET}        self.p = nn.ParameterList([nn.Parameter(torch.empty(8))])\n",
        f"{NET}        self.p = nn.ParameterList([nn.Parameter(nn.init.normal_(torch.empty(8), std=0.02))])\n",
    ),
    "a parameter of a layer": (
        f"{NET}        self.fc.bias = nn.Parameter(torch.empty(8))\n",
        f"{NET}        self.fc.bias = nn.Parameter(torch.zeros(8))\n",
    ),
    "two parameters at once": (
        f"{NET}        self.scale, self.bias = nn.Parameter(torch.empty(8)), nn.Parameter(torch.empty(8))\n",
        f"{NET}        self.scale, self.bias = nn.Parameter(torch.ones(8)), nn.Parameter(torch.zeros(8))\n",
    ),
    "a parameter that may be None": (
        f"{NET}        self.p = nn.Parameter(torch.empty(8, 8)) if depth else None\n",
        f"{NET}        self.p = nn.Parameter(nn.init.normal_(torch.empty(8, 8), std=0.02)) if depth else None\n",
    ),
    "a constructor on one line": (
        f"{ONE_LINE}    def __init__(s): super().__init__(); s.fc = nn.Linear(8, 8)  # all\n{INIT}",
        f"{ONE_LINE}    def __init__(s): super().__init__(); s.fc = nn.Linear(8, 8); s.apply(s._init)  # all\n{INIT}",
    ),
    "a pass on a line with others": (
        f"{NET}        self.apply(init); self.up = nn.Linear(8, 8)\n        self.x = nn.Linear(8, 8)\n{CALL}",
        f"{NET}        self.up = nn.Linear(8, 8)\n        self.x = nn.Linear(8, 8)\n        self.apply(init)\n{CALL}",
    ),
    "a pass on the line of all": (
        f"{ONE_LINE}    def __init__(s): super().__init__(); s.apply(init); s.fc = nn.Linear(8, 8)\n{CALL}",
        f"{ONE_LINE}    def __init__(s): super().__init__(); s.fc = nn.Linear(8, 8); s.apply(init)\n{CALL}",
    ),
    "wide characters before it": (
        f"{HEAD}s = '🔥é'; nn.init.zeros_(layer)\n",
        f"{HEAD}s = '🔥é'; nn.init.zeros_(layer.weight)\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_form_is_fixed_as_one_would_by_hand(case: str) -> None:
    before, after = CASES[case]
    assert fixed(before) == after
    assert fixed(after) == after


def test_statements_that_share_a_line_get_lines_of_their_own() -> None:
    text = f"import torch\n{HEAD}x = 1; layer.weight.normal_(0, 0.02); y = 2  # three\n"
    after = fixed(text)
    assert after.startswith(
        f"import torch\n{HEAD}x = 1\nwith torch.no_grad():\n    layer.weight.normal_(0, 0.02)\ny = 2"
    )
    assert "# three" in after
    assert not {code for _, code in told(after)}


def test_comments_above_and_beside_stay() -> None:
    text = f"import torch\n{HEAD}# small at first\nlayer.weight.normal_(0, 0.02)  # as in GPT-2\n# and so on\n"
    after = fixed(text)
    assert (
        "# small at first\nwith torch.no_grad():\n    layer.weight.normal_(0, 0.02)  # as in GPT-2\n# and so on\n"
        in after
    )


def test_a_suppression_that_silences_nothing_is_taken_out_and_what_else_the_comment_says_stays() -> None:
    layers = "a = nn.Linear(8, 8)  # noqa: E501  # initlint: ignore[INI201] no more\nb = nn.Linear(2, 2)"
    text = f"{HEAD}{layers}  # initlint: ignore[INI206]\n"
    assert fixed(text, unsafe=False) == f"{HEAD}a = nn.Linear(8, 8)  # noqa: E501\nb = nn.Linear(2, 2)\n"


def test_a_strings_lines_are_not_indented_with_the_statement() -> None:
    text = f"import torch\n{HEAD}layer.weight.fill_(len('''a\nb''') * (1 +\n    2))\n"
    after = fixed(text, unsafe=False)
    assert "    layer.weight.fill_(len('''a\nb''')" in after
    assert not {code for _, code in told(after)} & {"INI606"}


def test_a_result_that_is_used_is_not_left_out() -> None:
    text = f"{HEAD}print(nn.init.zeros_(nn.Linear(2, 2, bias=False).bias))\n"
    assert fixed(text) == text


KERAS = """import keras
from keras import layers

model = keras.Sequential([
    layers.Input((64,)),
    layers.Dense(64, activation="relu", kernel_initializer="glorot_uniform"),
    layers.Dense(32, activation="tanh", kernel_initializer=keras.initializers.HeNormal(seed=1)),
    layers.Dense(32, activation="gelu", kernel_initializer=keras.initializers.GlorotNormal()),
    layers.Dense(64, activation="selu"),
    layers.Dense(2),
])
"""


def test_keras_initializers_are_given_to_their_layers() -> None:
    after = fixed(KERAS)
    assert 'Dense(64, activation="relu", kernel_initializer="he_uniform")' in after
    assert "kernel_initializer=keras.initializers.GlorotNormal(seed=1))" in after
    scaling = 'VarianceScaling(scale=2.35, mode="fan_in", distribution="truncated_normal")'
    assert f"kernel_initializer=keras.initializers.{scaling}),\n" in after
    assert 'layers.Dense(64, activation="selu", kernel_initializer="lecun_normal"),\n' in after
    assert not {code for _, code in told(after)}


@pytest.mark.parametrize(
    "imports, before, after",
    [
        (
            "from tensorflow.keras.initializers import HeNormal, GlorotUniform as G\n",
            "G(seed=2)",
            "HeUniform(seed=2)",
        ),
        ("from tensorflow.keras import initializers as init\n", "init.GlorotUniform()", "init.HeUniform()"),
        ("from keras.initializers import glorot_uniform\n", "glorot_uniform()", "he_uniform()"),
        ("from tf_keras import initializers\n", "initializers.glorot_normal()", "initializers.he_normal()"),
        ("import keras as k\n", "k.initializers.GlorotNormal()", "k.initializers.HeNormal()"),
        ("import keras.initializers\n", '{"class_name": "GlorotNormal", "config": {}}', '"he_normal"'),
        (
            "import keras\n",
            'dict(class_name="GlorotNormal", config={})',
            "keras.initializers.HeNormal()",
        ),
    ],
)
def test_keras_initializers_are_named_as_the_file_names_them(imports: str, before: str, after: str) -> None:
    package = re.split(r"\W", imports)[1]
    layers = f"{package}.keras.layers" if package == "tensorflow" else f"{package}.layers"
    text = f"{imports}from {layers} import Dense, Input\nfrom {layers[:-6]}models import Sequential\n\n"
    made = 'Sequential([Input((64,)), Dense(64, activation="relu", kernel_initializer={}), Dense(2)])\n'
    mended = fixed(text + made.format(before))
    assert mended.endswith(made.format(after))
    assert mended.count("import") == text.count("import")


@pytest.mark.parametrize(
    "imports, added, name",
    [
        ("import tensorflow as tf\nfrom tensorflow.keras import {}\n", "", "tf.keras"),
        ("from tensorflow.keras import {}\n", "from tensorflow import keras\n", "keras"),
        ("from tf_keras import {}\n", "import tf_keras as keras\n", "keras"),
        ("import tensorflow as tf\nfrom keras import {}\n", "import keras\n", "keras"),
    ],
)
def test_keras_is_imported_from_where_the_file_has_it(imports: str, added: str, name: str) -> None:
    stack = "layers.Dense(64, kernel_initializer={}), layers.LeakyReLU(0.3), layers.Dense(2)"
    imports = imports.format("Input, Sequential, layers")
    mended = fixed(f"{imports}\nmodel = Sequential([Input((64,)), {stack.format(repr('glorot_uniform'))}])\n")
    assert f"={name}.initializers.VarianceScaling(scale=1.83, " in mended
    head, _, _ = mended.partition("\n\n")
    assert sorted(f"{head}\n".splitlines()) == sorted(f"{imports}{added}".splitlines())


def test_a_seed_in_a_configuration_is_not_lost() -> None:
    config = '{"class_name": "GlorotNormal", "config": {"seed": 3}}'
    text = KERAS.replace('"glorot_uniform"', config)
    assert config in fixed(text)


def test_a_misspelled_name_in_a_configuration_is_put_right_there() -> None:
    text = 'import keras\n\nd = keras.layers.Dense(4, kernel_initializer={"class_name": "HeNorma", "config": {}})\n'
    assert fixed(text) == text.replace("HeNorma", "HeNormal")


@pytest.mark.parametrize(
    "module, why",
    [
        ("MultiheadAttention(8, 2)", "MultiheadAttention has no weight of its own"),
        ("LSTM(8, 8)", "LSTM has no weight of its own"),
        ("Sequential(nn.Linear(8, 8))", "Sequential has no weight of its own"),
    ],
)
def test_a_module_without_a_weight_of_its_own_is_not_given_one(module: str, why: str) -> None:
    text = f"import torch.nn as nn\n\nlayer = nn.{module}\nnn.init.normal_(layer)\n"
    (one,) = [one for one in lint_source(text, "net.py", fixes=True).findings if one.code == "INI608"]
    assert one.fix == Declined(why)


def test_a_method_on_the_way_to_a_parameter_is_not_taken_for_a_view() -> None:
    """`.double()` may be a copy: what stands before the write stays."""
    text = f"{HEAD}net = nn.Sequential(layer, nn.ReLU(), nn.Linear(8, 2))\nlayer.weight.data.double().zero_()\n"
    assert ".double," not in fixed(text)


def test_an_argument_that_is_no_module_gets_none() -> None:
    text = f"{ONE_LINE}    def __init__(self):\n        super().__init__()\n        self.fc = nn.Linear(8, 8)\n{INIT}"
    text = text.replace("_init(self, m)", "_init(self, std)").replace("isinstance(m, nn.Linear)", "std > 0")
    text = text.replace("m.weight, std=0.02", "self.fc.weight, std=std")
    (one,) = [one for one in lint_source(text, "net.py", fixes=True).findings if one.code == "INI501"]
    assert one.fix == Declined("std is no module, and what it should be is not known")


def test_a_test_is_told_of_the_layers_that_it_is_asked_of() -> None:
    """Not of those of other models in the file, which have no such pass."""
    text = NET.replace("Linear(8, 8)", "Conv1d(8, 8, 3)")
    text += "        for m in self.modules():\n            if isinstance(m, nn.Conv2d):\n"
    text += "                nn.init.orthogonal_(m.weight)\n\n    def forward(self, x):\n        return self.fc(x)\n"
    other = text[text.index("class") :].partition("        for m")[0].replace("Net", "Other")
    forward = "\n    def forward(self, x):\n        return self.fc(x)\n"
    (one,) = lint_source(f"{text}\n\n{other}{forward}", "net.py").findings
    assert [site.name for site in one.layers] == ["Net.fc"]


SHARED = """\
import {package} as keras

init = keras.initializers.{made}
inputs = keras.Input((16,))
a = keras.layers.Dense(8, activation="relu", kernel_initializer=init)(inputs)
b = keras.layers.Dense(8, activation="relu", kernel_initializer=init)(inputs)
model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Add()([a, b])))
"""


@pytest.mark.parametrize(
    "package, made, written",
    [
        ("keras", "RandomNormal(stddev=0.02, seed=7)", "RandomNormal(stddev=0.02, seed=keras.random.SeedGenerator(7))"),
        ("keras_core", "HeNormal(7)", "HeNormal(keras.random.SeedGenerator(7))"),
        ("tf_keras", "HeNormal(seed=7)", 'kernel_initializer="he_normal"'),
        ("tf_keras", "RandomNormal(seed=7)", ""),
    ],
)
def test_a_seed_becomes_a_generator_where_keras_has_one(package: str, made: str, written: str) -> None:
    """Keras 2 has none: a name makes a new object for each layer there too."""
    text = SHARED.format(package=package, made=made)
    (one,) = [one for one in lint_source(text, "net.py", fixes=True).findings if one.code == "INI103"]
    assert isinstance(one.fix, Fix) == bool(written)
    assert written in fixed(text)


def test_a_method_that_takes_nothing_is_called_with_nothing() -> None:
    text = f"{HEAD}layer.bias.data.zero_ = 0\n"
    assert fixed(text) == f"{HEAD}layer.bias.data.zero_()\n"


def test_no_fix_is_promised_for_a_copy_of_which_the_parameter_is_not_told() -> None:
    head = HEAD.replace("import", "import torch\nimport", 1)
    copies = {"torch.stack([layer.weight])": 0, "layer.weight + 0": 0, "layer.weight.clone()": 1}
    for copy, fixable in copies.items():
        report = lint_source(f"{head}nn.init.normal_({copy}, std=0.1)\n", "net.py", debug=True)
        assert [one.code for one in report.findings if one.code == "INI506"] == ["INI506"]
        assert len(report.promises) == fixable, copy


OVERWRITTEN = """\
import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, 10)
LINES
        self.apply(self._init)

    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.orthogonal_(m.weight)
            nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))
"""


@pytest.mark.parametrize(
    "code, lines",
    [
        ("INI601", "        for p in self.parameters():\n            nn.init.kaiming_normal_(p)"),
        ("INI606", "        self.fc2.weight.normal_(0, 0.02)"),
        ("INI608", "        for m in self.modules():\n            if type(m) == nn.Linear: nn.init.kaiming_normal_(m)"),
    ],
)
def test_what_raises_and_is_overwritten_later_is_told_once_and_leaves_nothing_behind(code: str, lines: str) -> None:
    text = OVERWRITTEN.replace("LINES", lines)
    report = lint_source(text, "net.py", debug=True, fixes=True)
    assert [one.code for one in report.findings] == [code]
    done = mend_source(text.encode(), "net.py", unsafe=True, debug=True)
    assert done.text == OVERWRITTEN.replace("LINES\n", "").encode()
    assert not done.report.findings


@pytest.mark.parametrize("call", ["orthogonal_(m.weight, gain)", "kaiming_normal_(m.weight, a=gain)"])
def test_a_gain_that_callers_pass_stays_theirs(call: str) -> None:
    helper = f"def init(m, gain):\n    nn.init.{call}\n    return m\n\n\n"
    layers = "init(nn.Linear(64, 64), 5.0), nn.ReLU(), init(nn.Linear(64, 64), gain=5.0), nn.ReLU()"
    text = f"import torch.nn as nn\n\n\n{helper}net = nn.Sequential({layers})\n"
    (found,) = [one for one in lint_source(text, "net.py", debug=True, fixes=True).findings if one.code == "INI206"]
    assert found.fix == Declined("gain is passed by the callers of init")
    assert lint_source(text, "net.py").promises == ()
