"""The assembled machine: the parts of the interpreter, joined."""

from __future__ import annotations

import ast

from initlint.graph import Unknown
from initlint.interpret import (
    attributes,
    booleans,
    builtins,
    calls,
    classes,
    compare,
    comprehensions,
    dispatch,
    evaluate,
    execute,
    frameworks,
    guards,
    init_functions,
    instance_checks,
    late_fills,
    methods,
    names,
    records,
    regexes,
    registries,
    sequences,
    standard,
    torch,
    torch_init,
    torch_layers,
    torch_methods,
    torch_modules,
    torch_parameters,
    torch_tensors,
    torch_traversal,
    torch_wrappers,
)
from initlint.interpret.heap import MISSING
from initlint.interpret.likeness import Leaf, home, leaves
from initlint.interpret.machine import Arguments, Enough, Keywords, Machine, OutOfFuel, Tables, Test
from initlint.interpret.parts import IN_PLACE, PART, Pass
from initlint.interpret.postponed import Deferred
from initlint.interpret.project import Project, Unit
from initlint.interpret.repetition import Facts
from initlint.interpret.tensors import Param, Tensor, View
from initlint.interpret.trees import ATTRIBUTE, CALL, CONSTANT, NAME
from initlint.interpret.typetests import asked_subject, classify_test
from initlint.interpret.values import (
    ABSENT,
    Bound,
    Class,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Package,
    Symbol,
    Value,
    flatten,
)
from initlint.knowledge import InitializerSpec, Knowledge

USING = frozenset({"forward", "call", "__call__"})  # methods that use weights
TABLES = Tables(
    expressions={**evaluate.EXPRESSIONS, **booleans.EXPRESSIONS, **sequences.EXPRESSIONS, **comprehensions.EXPRESSIONS},
    statements={**execute.STATEMENTS, **guards.STATEMENTS},
    calls={
        **calls.CALLS,
        Class: classes.construct,
        **frameworks.CALLS,
        dispatch.Dispatch: calls.call_native,
        records.RecordType: calls.call_native,
    },
    attributes={
        **methods.ATTRIBUTES,
        **attributes.ATTRIBUTES,
        Symbol: names.symbol_attribute,
        Package: names.package_attribute,
        Tensor: torch_methods.tensor_attribute,
        **frameworks.ATTRIBUTES,
        View: torch_methods.tensor_attribute,
        torch_traversal.SweepList: methods.value_attribute,
        **dispatch.ATTRIBUTES,
        **records.ATTRIBUTES,
    },
    symbols={**builtins.HANDLERS, **standard.HANDLERS, **regexes.HANDLERS, **dispatch.HANDLERS, **frameworks.SYMBOLS},
)


FIRST_COMBINATIONS = 2  # of arguments of one class that are built although each argument is known
MOST_EXHAUSTED = 3  # models of one class that may use up their budget


class Interpreter(Machine):
    """A Machine whose parts are in place."""

    def __init__(self, project: Project, knowledge: Knowledge) -> None:
        super().__init__(TABLES, project, knowledge)
        self.defined: list[Class] = []
        self.facts = Facts()
        self.module_methods = torch_modules.METHODS

    # -- the language ---------------------------------------------------------------------

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        """As of any Machine. The commonest kinds are called directly, once compiled: to call them through a table
        takes as long as what they do."""
        self.fuel -= 1
        if self.fuel < 0:
            raise OutOfFuel
        kind = type(node)
        if kind is NAME:
            return evaluate.name(self, node, frame)
        if kind is CALL:
            return evaluate.call(self, node, frame)
        if kind is ATTRIBUTE:
            return evaluate.attribute(self, node, frame)
        if kind is CONSTANT:
            return node.value  # type: ignore[attr-defined]
        return self.expressions[kind](self, node, frame)

    def call(self, callee: Value, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        """As of any Machine, the commonest kinds directly."""
        kind = type(callee)
        if kind is Symbol:
            return calls.call_symbol(self, callee, args, kwargs, node, frame)
        if kind is Bound:
            return calls.call_bound(self, callee, args, kwargs, node, frame)
        if kind is Function:
            return calls.call_function(self, callee, args, kwargs, node, frame)
        return super().call(callee, args, kwargs, node, frame)

    def define(self, node: ast.FunctionDef | ast.AsyncFunctionDef, frame: Frame) -> Value:
        return calls.define(self, node, frame)

    def define_class(self, node: ast.ClassDef, frame: Frame) -> Value:
        value = classes.define_class(self, node, frame)
        if isinstance(value, Class):
            self.defined.append(value)
        return value

    def run_block(self, statements: list[ast.stmt], frame: Frame) -> str:
        return execute.block(self, statements, frame)

    def iterate(self, value: Value, node: ast.AST, frame: Frame) -> tuple[tuple[Value, ...], bool]:
        return sequences.iterate(self, value, node, frame)

    def set_attribute(self, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
        if self.lost_writes:
            self.found_again(value)
        attributes.set_attribute(self, owner, name, value, node, frame)

    def set_item(self, target: ast.Subscript, value: Value, frame: Frame) -> None:
        """`owner[key] = value`."""
        owner = self.evaluate(target.value, frame)
        key = self.evaluate(target.slice, frame)
        if isinstance(owner, DictValue):
            if not sequences.hashable(key):
                self.heap.write(owner.flags, "open", True)
                key = sequences.unknown_key(owner)
            registries.put(self, owner, key, value, target, frame)
        elif isinstance(owner, ListValue) and isinstance(key, int) and -len(owner.items) <= key < len(owner.items):
            items = list(owner.items)
            items[key] = value
            self.heap.write(owner.cell, "items", tuple(items))
        elif owner is None:
            self.none_attribute(PART, target, frame)
        elif isinstance(owner, (Param, View)):
            view = torch_tensors.getitem(self, [owner, key], {}, target, frame)
            assert isinstance(view, View)
            torch_init.check_leaf(self, owner, "__setitem__", target, frame)
            torch_init.copy_into(self, view, value, target, frame, "Tensor.__setitem__")
        elif isinstance(owner, Tensor) and owner.node < 0 and not (isinstance(value, Tensor) and value.node >= 0):
            torch_tensors.setitem(owner, key, value)
        elif isinstance(owner, Tensor) and isinstance(value, Tensor) and isinstance(target.value, ast.Name):
            if owner.node >= 0 or value.node >= 0:
                sequences.assign(self, target.value, self.flow("cat", [owner, value], "setitem", target), frame)
        elif isinstance(owner, Instance):
            if isinstance(owner.cls, Class) and isinstance(owner.cls.find("__setitem__"), Function):
                self.call(self.attribute(owner, "__setitem__", target, frame), [key, value], {}, target, frame)
            elif owner.spec is not None and owner.spec.role == "container":
                torch_layers.set_child(self, owner, key, value, target, frame)

    def delete_item(self, owner: Instance, key: Value) -> None:
        torch_modules.delete_item(self, owner, key)

    def container(self, original: Instance, children: list[Value]) -> Value:
        return torch_layers.container(self, original, children)

    def is_instance(self, value: Value, kinds: Value) -> bool | None:
        return instance_checks.is_instance(self, value, kinds)

    def is_kind(self, value: Instance, kind: Symbol) -> bool:
        return frameworks.is_kind(self, value, kind)

    def is_value_kind(self, value: Value, kinds: Value) -> bool | None:
        return torch.is_value_kind(value, kinds)

    def is_no_grad(self, value: Value) -> bool:
        return torch_wrappers.is_no_grad(value)

    def native_attribute(self, value: Instance, name: str, node: ast.AST, frame: Frame) -> Value:
        return frameworks.native_attribute(self, value, name, node, frame)

    def native_method(
        self, receiver: Value, name: str, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame
    ) -> Value:
        if isinstance(receiver, Instance):
            return frameworks.call_native(self, receiver, name, args, kwargs, node, frame)
        if isinstance(receiver, (Tensor, Param, View)):
            return torch_methods.tensor_method(self, receiver, name, args, kwargs, node, frame)
        return methods.call_method(self, receiver, name, args, kwargs, node, frame)

    def none_attribute(self, name: str, node: ast.AST, frame: Frame) -> Value:
        """An attribute of None, or a change of it in place. Where a bias was meant, that is a defect: in initialization
        code, and anywhere if it writes."""
        base = node.value if isinstance(node, (ast.Attribute, ast.Subscript)) and name != IN_PLACE else node
        writes = name in ("data", PART, IN_PLACE) or "Tensor." + name in self.knowledge.initializers
        reads = name in torch_methods.OWN_ATTRIBUTES or "Tensor." + name in self.knowledge.functions
        running = any(one.function is not None and one.function.name in USING for one in self.frames)
        if (
            (writes or (reads and not running))
            and isinstance(base, ast.Attribute)
            and base.attr.endswith(("bias", "weight"))
        ):
            facts = {"function": name, "expression": ast.unparse(base)}
            self.incident("missing-bias", base, frame, facts)
        return Unknown(f"attribute {name} of None", frame.unit.place(node))

    def unit_attribute(self, unit: Unit, name: str) -> Value:
        value = names.export(self, unit, name)
        return Unknown(f"name {name}") if value is MISSING else value

    # -- torch ----------------------------------------------------------------------------

    def call_known(self, callee: Symbol, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        return frameworks.call_known(self, callee, args, kwargs, node, frame)

    def adopt(self, owner: Instance, name: str, value: Value, node: ast.AST, frame: Frame) -> Value:
        return frameworks.adopt(self, owner, name, value, node, frame)

    def has_tensor_attribute(self, value: Value, name: str) -> bool:
        return isinstance(value, (Tensor, Param, View)) and torch_methods.has_tensor_attribute(self, value, name)

    def set_tensor_attribute(self, owner: Value, name: str, value: Value, node: ast.AST, frame: Frame) -> None:
        torch_parameters.set_tensor_attribute(self, owner, name, value, node, frame)

    def mark_writes(self, function: Function, args: Arguments) -> tuple[Param, int, InitializerSpec] | None:
        return init_functions.mark_writes(self, function, args)

    def write_summed(
        self, before: tuple[Param, int, InitializerSpec], function: Function, inner: Frame, node: ast.AST, frame: Frame
    ) -> Value:
        return init_functions.write_summed(self, before, function, inner, node, frame)

    def name_writes(
        self, before: tuple[Param, int, InitializerSpec], function: Function, inner: Frame, node: ast.AST, frame: Frame
    ) -> None:
        init_functions.name_writes(self, before, function, inner, node, frame)

    def loads(self, given: Arguments, node: ast.AST, frame: Frame) -> None:
        late_fills.loads(self, given, node, frame)

    def locate(self, instance: Instance, node: ast.AST, frame: Frame) -> None:
        """Note where an object is constructed, and by which call of the module that owns it."""
        self.instances.append(instance)
        if not self.surveying:
            self.made.add(node)
        instance.place = frame.unit.place(node)
        instance.copies, instance.repeated = self.copies, self.repeating > 0
        for outer in reversed(self.frames):
            owner = outer.receiver
            if isinstance(owner, Instance) and owner.module and owner is not instance:
                if outer is not frame and outer.call is not None:
                    instance.frames = ((outer.unit.place(outer.call), owner.name),)
                return

    def register(self, instance: Instance) -> None:
        if instance.spec is not None and instance.spec.role in torch_layers.WEIGHTED:
            self.layers.append(instance)
        elif instance.spec is not None and instance.spec.role == "norm" and instance.spec.weights:
            self.norms.append(instance)

    def defer(self, cls: Class, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        """The model, put off, where one of its kind was built before and no other is being built now."""
        if any(isinstance(f.receiver, Instance) and f.receiver.module for f in self.frames):
            return None
        init = cls.find("__init__")
        defaults = calls.defaults_of(self, init, frame) if isinstance(init, Function) else {}
        offer = leaves(cls, args, kwargs, defaults)
        self.offers.append(offer)
        if not self.surveying and self.teaches(cls, offer):
            return None

        def build() -> Value:
            if self.surveying:
                raise Enough
            self.deferring, outer = False, self.deferring
            try:
                return classes.construct(self, cls, args, kwargs, node, frame)
            finally:
                self.deferring = outer

        deferred = Deferred(cls, build)
        self.put_off.append((deferred, tuple(flatten((*args, *kwargs.values())))))
        return deferred

    def teaches(self, cls: Class, offer: frozenset[Leaf]) -> bool:
        """Whether building this may show something that no earlier model of the class has shown: an argument
        of a new kind, or one of the first few combinations. A class that used up its budget again and again
        is not tried further."""
        combinations = self.combinations.get(cls.node, 0)
        if self.exhausted.get(home(cls), 0) >= MOST_EXHAUSTED:
            return False
        known = offer in self.kinds_seen
        self.kinds_seen.add(offer)
        new = any(leaf not in self.kinds_seen for leaf in offer)
        self.kinds_seen.update(offer)
        if not new and (known or combinations >= FIRST_COMBINATIONS):
            return False
        self.combinations[cls.node] = combinations + 1
        return True

    def after_construction(self, instance: Instance, node: ast.AST, frame: Frame) -> None:
        """Hooks that an outside base class is known to call once construction is over."""
        if not isinstance(instance.cls, Class):
            return
        hook = instance.cls.find("__post_init__") if instance.cls.fields is None else ABSENT
        if isinstance(hook, Function) and instance.cls.open:
            self.call(Bound(instance, hook), [], {}, node, frame)

    # -- tests and sweeps -----------------------------------------------------------------

    def note_test(self, node: ast.If, answer: bool | None, frame: Frame) -> None:
        """Remember how a test of a type or a name in initialization code came out."""
        if not self.sweeping or node in self.other_tests:
            return
        place = frame.unit.place(node)
        known = self.tests.get(place)
        if known is None:
            asked = classify_test(self, node, frame)
            if asked is None:
                self.other_tests.add(node)
                return
            kind, what, body = asked
            known = self.tests[place] = Test(frame.unit.place(node.test), ast.unparse(node.test), kind, what)
            known.body = dict.fromkeys(body)
            known.subject = asked_subject(node.test)
        if known.within != self.sweeping[-1].serial:
            known.within = self.sweeping[-1].serial
            known.passes.update((sweep.place, None) for sweep in self.sweeping)
        if answer is True:
            known.true += 1
        elif answer is None:
            known.unknown += 1
        else:
            known.false += 1
        if answer is False and (subject := known.subject or asked_subject(node.test)) is not None:
            value = self.evaluate(subject, frame)
            seen = value if isinstance(value, str) else getattr(getattr(value, "spec", None), "kind", None)
            if isinstance(seen, str) and any(map(compare.is_unknown_key, seen.split("."))):
                known.false, known.unknown = known.false - 1, known.unknown + 1  # what stands there may be asked for
            elif isinstance(seen, str):
                known.seen[seen] = None

    def sweep_of(self, node: ast.For | ast.AsyncFor, iterable: Value, frame: Frame) -> Pass | None:
        """A loop over modules() or named_parameters() is a sweep."""
        if not isinstance(iterable, torch_traversal.SweepList):
            return None

        def visit(value: Value) -> None:
            sequences.assign(self, node.target, value, frame)
            execute.block(self, node.body, frame)

        name = frame.function.qualified if frame.function else ""
        return Pass(
            node,
            frame.unit.place(node),
            iterable.method,
            iterable.root,
            name,
            self.next_serial(),
            visit,
            root_name=iterable.root.name,
        )
