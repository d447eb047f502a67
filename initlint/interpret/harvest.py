"""From the state after an entry to the frozen facts of the model graph."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from initlint.graph import Context, History, Incident, InitEvent, Layer, Sweep, Tie, Weight
from initlint.interpret.compositions import composed
from initlint.interpret.equal_sizes import equal_fans
from initlint.interpret.flow import activation_label, consumers, edges, reach, summed
from initlint.interpret.held import replaced, templates
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.keras_attention import last_projections
from initlint.interpret.keras_values import KerasObject
from initlint.interpret.late_fills import is_left_to_methods
from initlint.interpret.latecomers import missed_by
from initlint.interpret.parts import Pass
from initlint.interpret.reloads import reloads
from initlint.interpret.tensors import Param
from initlint.interpret.torch_traversal import modules_of, named_modules, own_parameters
from initlint.interpret.trees import last_name, walk
from initlint.interpret.values import Class, DictValue, Frame, Instance, ListValue, Value, options
from initlint.knowledge import LOADING, snake
from initlint.sizes import size
from initlint.source import Place

HOLDERS: Final = ("container", "module")  # roles of modules of no class of their own


def harvest(machine: Interpreter, entry: str, file: str, *, stopped: str, genuine: bool) -> Context:
    """The context that an entry has shown. `stopped` is why it ended before all was done, empty where it did not."""
    missed = {} if stopped else {id(sweep): missed_by(machine, sweep) for sweep in machine.passes}
    keep_lost_writes(machine)
    names = name_layers(machine)
    machine.nodes = composed(machine.nodes, frozenset(machine.torn))
    used = consumers(machine.nodes)
    labels = reach(machine.nodes, used)
    held: list[Instance | Param] = [*machine.layers, *machine.norms, *machine.params]
    params = {id(owner): parameters_of(owner) for owner in held}
    owners = layer_owners(machine, params)
    index_of = {id(owner): index for index, owner in enumerate(owners)}
    at: dict[int, int] = {}
    nodes_of: dict[int, list[int]] = {}
    wholes = last_projections(owners)
    for node, used_layer in machine.node_layers.items():
        layer = used_layer
        if isinstance(layer, Instance) and id(layer) not in index_of:
            continue
        index = index_of.get(id(layer))
        if index is not None:
            at[node] = index
            nodes_of.setdefault(index, []).append(node)
            for other in (lender(layer), wholes.get(id(layer))):
                if other is not None and id(other) in index_of:
                    nodes_of.setdefault(index_of[id(other)], []).append(node)
    nodes = list(machine.nodes)
    for node, param in machine.factors.items():
        if id(param) in index_of:
            nodes[node] = nodes[node].of(index_of[id(param)])
    for node, index in at.items():
        nodes[node] = nodes[node].of(index)
    gone = replaced(machine, [frame.cell for frame in frames_of(machine)])
    layers = []
    for index, owner in enumerate(owners):
        found = [labels[node] for node in nodes_of.get(index, ())]
        added = any(summed(machine.nodes, used, node) for node in nodes_of.get(index, ()))
        layers.append(layer_facts(machine, owner, index, names, params[id(owner)], found, stopped, added=added))
        if id(owner.owner if isinstance(owner, Param) else owner) in gone:
            layers[-1] = replace(layers[-1], replaced=True)
    owned = [(index, owner, param) for index, owner in enumerate(owners) for param in params[id(owner)]]
    param_index = {id(param): index for index, _, param in owned}
    return Context(
        entry,
        file,
        tuple(layers),
        tuple(nodes),
        edges(machine.nodes, used, at),
        sweeps_of(machine, missed, param_index),
        tuple(
            incident_facts(machine, key, incident, param_index, index_of) for key, incident in machine.incidents.items()
        ),
        not stopped,
        (),
        genuine,
        tuple(
            Tie(place, index_of[id(owner)], index_of[id(param.owner)])
            for place, owner, param in machine.ties
            if id(owner) in index_of and id(param.owner) in index_of
        ),
        reloads(machine, [(index, layers[index].kind, param) for index, _, param in owned]),
    )


def lender(layer: Instance | Param) -> Instance | None:
    """The layer of the same kind whose weight this one uses, where the two are tied."""
    if not isinstance(layer, Instance) or layer.spec is None:
        return None
    for _, param in own_parameters(layer):
        owner = param.owner
        if owner is not None and owner is not layer and owner.spec is layer.spec:
            return owner
    return None


def layer_owners(machine: Interpreter, params: dict[int, list[Param]]) -> list[Instance | Param]:
    """Weighted layers in order of construction, then raw parameters that belong to a module."""
    spare = {
        id(module)
        for deferred, given in machine.put_off
        if deferred.build is not None
        for part in given
        if isinstance(part, Instance)
        for _, module in named_modules(part)
    }
    kept = {id(layer): layer for layer in machine.layers if id(layer) not in spare}
    owners: list[Instance | Param] = list(kept.values())
    spare |= templates(machine)
    owners = [owner for owner in owners if id(owner) not in spare]
    owned = {id(p) for layer in (*machine.layers, *machine.norms) for p in params[id(layer)]}
    owners += [p for p in machine.params if p.owner is not None and id(p) not in owned]
    owners += passed_over(machine)
    return owners


def passed_over(machine: Interpreter) -> list[Instance]:
    """Norms that a test in initialization code came out false for, and which asks for norms or for names."""
    own = {norm.spec.kind for norm in machine.norms if norm.spec is not None}
    missed = [test for test in machine.tests.values() if not test.true and not own.isdisjoint(test.seen)]
    if not missed:
        return []
    norms = {spec.kind for spec in machine.knowledge.layers.values() if spec.role == "norm"}
    kinds: set[str] = set()
    for test in missed:
        if test.kind == "name" or not norms.isdisjoint(test.asked):
            kinds |= own & test.seen.keys()
    return [norm for norm in machine.norms if norm.spec is not None and norm.spec.kind in kinds]


def parameters_of(owner: Instance | Param) -> list[Param]:
    if isinstance(owner, Param):
        return [owner]
    found: dict[int, Param] = {}
    for module in modules_of(owner) if owner.spec is not None else ():
        for _, param in own_parameters(module):
            if param.role != "raw":  # that a subclass has beside the framework's: each by itself
                found[id(param)] = param
    return list(found.values())


# -- names --------------------------------------------------------------------------------


def name_layers(machine: Interpreter) -> dict[int, tuple[str, str]]:
    """From the id of an object or parameter to (its name, class of the module that owns it)."""
    names: dict[int, tuple[str, str]] = {}
    for instance in machine.instances:
        if isinstance(instance.cls, Class) and (instance.spec is None or instance.spec.role == "container"):
            walk_names(instance, instance.cls.name, instance.cls.name, names, set())
    for frame in frames_of(machine):
        for key, value in frame.cell.items():
            for option in options(value):
                if isinstance(option, Instance) and isinstance(key, str):
                    if id(option) not in names and option.spec is not None:
                        names[id(option)] = (key, "")
                    if option.spec is not None and option.spec.role in HOLDERS:
                        walk_names(option, key, "", names, set())
    return names


def frames_of(machine: Interpreter) -> list[Frame]:
    """The calls under way at the end, and the modules of the files that made objects."""
    files = {instance.place.file for instance in machine.instances if instance.place is not None}
    targets = machine.project.targets
    return [*machine.frames, *(targets[file].frame for file in sorted(files) if file in targets)]


def walk_names(root: Value, path: str, owner: str, names: dict[int, tuple[str, str]], seen: set[int]) -> None:
    if id(root) in seen or len(seen) > 5000:
        return
    seen.add(id(root))
    if isinstance(root, (Instance, DictValue)):
        children = [(str(k), v) for k, v in root.cell.items()]
    elif isinstance(root, ListValue):
        children = [(str(i), v) for i, v in enumerate(root.items)]
    elif isinstance(root, tuple):
        children = [(str(i), v) for i, v in enumerate(root)]
    else:
        return
    for key, value in children:
        for option in options(value):
            name = f"{path}.{key}"
            if isinstance(option, Param):
                names.setdefault(id(option), (name, owner))
            elif isinstance(option, Instance):
                if not option.module:
                    continue
                names.setdefault(id(option), (name, owner))
                for inner in options(option.arguments.get("layer")):  # that this one wraps
                    if isinstance(inner, Instance):
                        names.setdefault(id(inner), (f"{name}.layer", owner))
                spec = option.spec
                if not isinstance(option.cls, Class) and spec is not None and spec.role in HOLDERS:
                    walk_names(option, name, owner, names, seen)
            elif isinstance(option, (ListValue, DictValue, tuple)) and len(seen) < 200:
                walk_names(option, name, owner, names, seen)


# -- layers -------------------------------------------------------------------------------


def layer_facts(
    machine: Interpreter,
    owner: Instance | Param,
    index: int,
    names: dict[int, tuple[str, str]],
    params: list[Param],
    found: list[frozenset[tuple[str, bool, bool]]],
    stopped: str,
    *,
    added: bool,
) -> Layer:
    unknown: list[str] = []
    labels = frozenset().union(*found) if found else frozenset()
    kinds = {activation_label(label) for label in labels}
    activations: tuple[str, ...] | None = tuple(sorted(kinds - {"?"}))
    if "?" in kinds:
        unknown.append("part of the data flow is not understood")
        activations = activations or None
    normed = {label[1] for label in labels if label[0] != "?"}
    norm = None if not normed else True in normed
    made = owner.owner if isinstance(owner, Param) else owner
    ending = "" if machine.constructed or (made is not None and made.serial < machine.cut) else stopped
    weights = tuple(weight_facts(machine, param, ending) for param in params)
    if stopped:
        unknown.append(stopped)
        if not activations:
            activations = None
    if isinstance(owner, Param):
        # Of stacked matrices whose results may be added up the fans are unknown.
        used = (None, None) if added and len(owner.shape or ()) > 2 else machine.used_fans(owner)
        name, module = names.get(id(owner), (owner.name, owner.owner.name if owner.owner else ""))
        return Layer(
            index, "Parameter", "torch.nn.Parameter", name, owner.place, None, module, weights,
            *used, activations, norm, tuple(unknown), False, owner.serial,
        )  # fmt: skip
    spec = owner.spec
    assert spec is not None
    called = owner.cell.get("name")  # as Keras's layers may be
    unnamed = snake(spec.kind) if isinstance(owner, KerasObject) else spec.kind
    fallback = called if isinstance(called, str) and called else unnamed
    name, module = names.get(id(owner), (fallback, owner.frames[0][1] if owner.frames else ""))
    if owner.escaped:
        unknown.append(owner.escaped)
    fan_in, fan_out = fans(machine, owner)
    place = owner.place or Place("", weights[0].place.span if weights else None)  # type: ignore[arg-type]
    return Layer(
        index, spec.kind, spec.qualified, name, place, owner.frames[0][0] if owner.frames else None, module,
        weights, fan_in, fan_out, activations, norm, tuple(unknown), owner.repeated, owner.serial, owner.copies,
        internal_of(owner), dilution_of(owner), fan_in is None and equal_fans(spec, owner.arguments),
    )  # fmt: skip


def internal_of(owner: Instance) -> tuple[str, ...] | None:
    """The activations inside a layer, the chosen ones where an argument chooses them."""
    spec = owner.spec
    if spec is None or not spec.chosen_by:
        return spec.internal if spec is not None else ()
    chosen = owner.arguments.get(spec.chosen_by)
    return (*spec.internal[:-1], chosen) if isinstance(chosen, str) else None


def dilution_of(owner: Instance) -> int:
    """What the layer's stride divides by; 1 where that is unknown or it has none."""
    if owner.spec is None or not owner.spec.dilution or owner.arguments.get("stride") == 1:
        return 1
    plain = {k: v for k, v in owner.arguments.items() if isinstance(v, (int, tuple))}
    return size(owner.spec.dilution, plain) or 1


def fans(machine: Interpreter, owner: Instance) -> tuple[int | None, int | None]:
    spec = owner.spec
    if spec is None or not spec.fan_in:
        return None, None
    plain = {k: v for k, v in owner.arguments.items() if isinstance(v, (int, float, str, tuple, type(None)))}
    try:
        key = ("fans", spec.qualified, tuple(plain.items()))
        known = machine.fans.get(key)
    except TypeError:
        return size(spec.fan_in, plain), size(spec.fan_out, plain)
    if known is None:
        known = machine.fans[key] = (size(spec.fan_in, plain), size(spec.fan_out, plain))
    return known


def weight_facts(machine: Interpreter, param: Param, stopped: str) -> Weight:
    histories = unloaded(param.histories)
    if stopped:
        histories = tuple((*h, InitEvent("unknown", (("why", stopped),), explicit=True)) for h in histories)
    return Weight(
        param.name,
        param.role,
        param.shape,
        histories or ((),),
        param.trainable,
        param.place,
        param.memory and not is_left_to_methods(machine, param),
        param.spec_default,
        param.fans,
    )


def unloaded(histories: tuple[History, ...]) -> tuple[History, ...]:
    """Without the ways that end with a checkpoint, where there are others: those are what the initializers are for."""
    return tuple(h for h in histories if not (h and h[-1].spelling == LOADING)) or histories


# -- incidents and sweeps -----------------------------------------------------------------


def keep_lost_writes(machine: Interpreter) -> None:
    for _, param, node, frame in list(machine.lost_writes.values()):
        text = ast.unparse(node)
        facts = {"what": "copy", "method": "", "expression": text, "made": made_there(text, frame)}
        machine.incident("init-on-copy", node, frame, facts, param)
    machine.lost_writes.clear()


def made_there(text: str, frame: Frame) -> str:
    """The names of the functions whose results this function calls as the expression begins: weight_norm, of a layer
    that is wrapped there."""
    scope: ast.AST = frame.function.node if frame.function is not None else frame.unit.tree
    statements = [part for part in walk(scope) if isinstance(part, ast.Assign) and isinstance(part.value, ast.Call)]
    made = [part.value for part in statements if text.startswith(f"{ast.unparse(part.targets[0])}.")]
    return " ".join(sorted({last_name(call.func) for call in made if isinstance(call, ast.Call)}))


def incident_facts(
    machine: Interpreter,
    key: tuple[str, Place],
    incident: Incident,
    param_index: dict[int, int],
    index_of: dict[int, int],
) -> Incident:
    about = machine.incident_layers.get(key, [])
    found = {param_index.get(id(thing), index_of.get(id(thing), -1)) for thing in about}
    params = {(param_index.get(id(thing), -1), thing.name) for thing in about if isinstance(thing, Param)}
    weights = tuple(sorted(pair for pair in params if pair[0] >= 0))
    return replace(incident, layers=tuple(sorted(found - {-1})), weights=weights)


def sweeps_of(
    machine: Interpreter, missed: Mapping[int, list[Param]], param_index: dict[int, int]
) -> tuple[Sweep, ...]:
    """The passes. Those over parts of a model, of which there are many, mostly write nothing and are alike."""
    idle: dict[object, Sweep] = {}
    found = []
    for sweep in machine.passes:
        late = missed.get(id(sweep))
        if sweep.wrote or late:
            found.append(sweep_facts(sweep, late or [], param_index))
            continue
        key = (sweep.place, sweep.kind, sweep.root_name, sweep.function)
        known = idle.get(key)
        if known is None:
            known = idle[key] = sweep_facts(sweep, [], param_index)
        found.append(known)
    return tuple(found)


def sweep_facts(sweep: Pass, missed: list[Param], param_index: dict[int, int]) -> Sweep:
    wrote = {param_index[i] for i in sweep.wrote if i in param_index}
    late = {param_index[id(p)] for p in missed if id(p) in param_index}
    return Sweep(
        sweep.place,
        sweep.kind,
        sweep.root_name,
        sweep.function,
        tuple(sorted(wrote)),
        tuple(sorted(late - wrote)),
    )
