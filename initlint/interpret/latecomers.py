"""What a pass over modules would have initialized, had it been there by then."""

from __future__ import annotations

from initlint.graph import History
from initlint.interpret.heap import Raised
from initlint.interpret.interpreter import Interpreter
from initlint.interpret.machine import OutOfFuel
from initlint.interpret.parts import Pass
from initlint.interpret.tensors import Param
from initlint.interpret.torch_traversal import named_modules, own_parameters
from initlint.interpret.values import Class, Value


def missed_by(machine: Interpreter, sweep: Pass) -> list[Param]:
    """Parameters of modules that came after the sweep, which it would have written and nothing else has."""
    last = machine.instances[-1].serial if machine.instances else 0
    if sweep.root is None or sweep.visit is None or last <= sweep.serial:
        return []
    finished = sweep.root.finished
    late = [
        (name, module)
        for name, module in named_modules(sweep.root)
        if module.serial > sweep.serial
        and (module.spec is not None or isinstance(module.cls, Class))
        and not sweep.serial <= finished < module.serial  # hung into it from outside, when it was done
    ]
    if not late:
        return []
    apart = with_passes_of_their_own(machine, sweep)
    missed: list[Param] = []
    visit = sweep.visit
    for name, module in [pair for pair in late if id(pair[1]) not in apart][:50]:
        own = {id(p): p for _, p in own_parameters(module) if p.owner is module and p.role != "raw"}
        if not own:
            continue
        values: list[Value] = []
        if "parameters" in sweep.kind:
            pairs = [(f"{name}.{p.name}", p) for p in own.values()]
            values = list(pairs) if sweep.kind.startswith("named") else [p for _, p in pairs]
        elif sweep.kind.startswith("named"):
            values = [(name, module)]
        else:
            values = [module]
        before = {i: p.histories for i, p in own.items()}
        touched: list[Param] = []

        def attempt(
            values: list[Value] = values,
            own: dict[int, Param] = own,
            before: dict[int, tuple[History, ...]] = before,
            touched: list[Param] = touched,
        ) -> None:
            for value in values:
                visit(value)
            touched += [p for i, p in own.items() if p.histories != before[i] and not written(before[i])]

        incidents, lost = dict(machine.incidents), dict(machine.lost_writes)
        try:
            machine.heap.explore(attempt)
            missed += touched
        except (OutOfFuel, RecursionError, Raised):
            pass
        finally:
            machine.incidents, machine.lost_writes = incidents, lost
    return missed


def with_passes_of_their_own(machine: Interpreter, sweep: Pass) -> set[int]:
    """The modules in parts which later passes have gone over: what those leave as it is, they mean to leave."""
    inside = {id(module) for _, module in named_modules(sweep.root)} if sweep.root is not None else set()
    roots = [
        other.root
        for other in machine.passes
        if other.root is not None
        and other.root is not sweep.root
        and other.serial > sweep.serial
        and id(other.root) in inside
    ]
    return {id(module) for root in roots for _, module in named_modules(root) if module.serial > sweep.serial}


def written(histories: tuple[History, ...]) -> bool:
    return any(event.explicit or event.name == "unknown" for history in histories for event in history)
