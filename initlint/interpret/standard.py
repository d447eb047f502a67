"""What the standard library's functions do to abstract values."""

from __future__ import annotations

import ast
import itertools
import math
from typing import Final

from initlint.graph import Unknown
from initlint.interpret import callable_kinds, compare, enumerations, signatures
from initlint.interpret.builtins import dict_, first, nothing, sequence_of, zip_
from initlint.interpret.copies import copied
from initlint.interpret.evaluate import LONGEST
from initlint.interpret.machine import Arguments, Handler, Keywords, Machine
from initlint.interpret.records import RecordType
from initlint.interpret.reflection import import_module_
from initlint.interpret.sequences import item, iterate
from initlint.interpret.values import (
    Alternatives,
    DictValue,
    Frame,
    Function,
    Instance,
    ListValue,
    Native,
    Partial,
    Repeat,
    Symbol,
    Value,
)

SAFE_MATH: Final = frozenset(
    "sqrt log log2 log10 exp ceil floor pow fabs sin cos tan tanh isqrt gcd prod erf hypot isclose log1p atan".split()
)


def partial_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if not args:
        return Unknown("partial of nothing")
    inner = args[0]
    if isinstance(inner, Partial):  # one of the same function, not one around the other
        return Partial(inner.function, (*inner.args, *args[1:]), {**inner.kwargs, **kwargs})
    return Partial(inner, tuple(args[1:]), kwargs)


def reduce_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[1] if len(args) > 1 else None, node, frame)
    values = list(args[2:3]) + list(items)
    if not values or loose:
        return machine.lost("functools.reduce", args, kwargs)
    result = values[0]
    for value in values[1:]:
        result = machine.call(args[0], [result, value], {}, node, frame)
    return result


def wraps(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    wrapped = args[0] if args else None

    def mark(inner: Arguments, _: Keywords) -> Value:
        if inner and isinstance(inner[0], Function):
            inner[0].wrapped = wrapped
        return inner[0] if inner else None

    return Native("wraps", mark)


def transparent_decorator(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """`@cache` and `@cache(...)` alike."""
    if args and isinstance(args[0], Function):
        return args[0]
    return Native("decorator", lambda inner, _: inner[0] if inner else None)


def dataclass_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return Native("dataclass", lambda inner, _: inner[0] if inner else None)


def transform_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return Native("dataclass_transform", lambda inner, _: inner[0] if inner else None)


def field_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if "default" in kwargs:
        return kwargs["default"]
    factory = kwargs.get("default_factory")
    if factory is None:
        return Unknown("a field without default")
    return Native("field", lambda inner, _: machine.call(factory, [], {}, node, frame))


def replace_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    original = args[0] if args else None
    if not isinstance(original, Instance):
        return Unknown("dataclasses.replace")
    made = Instance(original.cls, machine.next_serial())
    made.cell.update(original.cell)
    made.cell.update({k: v for k, v in kwargs.items() if k != "**"})
    return made


def asdict(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    if args and isinstance(args[0], Instance):
        return DictValue(dict(args[0].cell), serial=machine.next_serial())
    return Unknown("asdict")


def namedtuple_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    names = args[1] if len(args) > 1 else None
    fields = names.replace(",", " ").split() if isinstance(names, str) else compare.elements(names)
    if not fields or not all(isinstance(name, str) for name in fields):
        return Unknown("a namedtuple")
    defaults = compare.elements(kwargs.get("defaults", ())) or ()

    def make(inner: Arguments, words: Keywords) -> Value:
        made = Instance(Symbol.of("collections.namedtuple"), machine.next_serial())
        given = dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
        given |= dict(zip(fields, inner, strict=False)) | {k: v for k, v in words.items() if k in fields}
        made.cell.update({name: given.get(name, Unknown(f"field {name}")) for name in fields})
        return made

    return RecordType(fields, make)


def namespace(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    made = Instance(Symbol.of("types.SimpleNamespace"), machine.next_serial())
    made.cell.update({k: v for k, v in kwargs.items() if k != "**"})
    return made


def defaultdict_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    result = dict_(machine, args[1:], kwargs, node, frame)
    assert isinstance(result, DictValue)
    result.factory = args[0] if args else None
    return result


def chain(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items: tuple[Value, ...] = ()
    open_ = False
    for value in args:
        more, loose = iterate(machine, value, node, frame)
        items, open_ = items + more, open_ or loose
    return ListValue(items, open_=open_)


def chain_from(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    result = chain(machine, list(items), {}, node, frame)
    return ListValue(result.items, open_=True) if loose and isinstance(result, ListValue) else result


def product_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    columns = [iterate(machine, value, node, frame) for value in args]
    rows = itertools.islice(itertools.product(*(items for items, _ in columns)), LONGEST)
    return ListValue(tuple(rows), open_=any(loose for _, loose in columns))


def repeat_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    times = args[1] if len(args) > 1 else kwargs.get("times")
    if isinstance(times, int) and 0 <= times <= LONGEST:
        return ListValue(tuple(args[:1]) * times)
    return Repeat(tuple(args[:1]), "itertools.repeat")


def cycle_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return Repeat(iterate(machine, args[0] if args else None, node, frame)[0], "itertools.cycle")


def count_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return Repeat((Unknown("a counter"),), "itertools.count")


def accumulate_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items = compare.elements(args[0]) if args else None
    if items is not None and len(args) == 1 and all(isinstance(i, (int, float)) for i in items):
        return ListValue(tuple(itertools.accumulate(items)))
    return Repeat((Unknown("a running sum"),), "itertools.accumulate")


def islice_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    if not loose and all(a is None or isinstance(a, int) for a in args[1:]):
        return ListValue(tuple(itertools.islice(items, *args[1:])))  # type: ignore[call-overload]
    return ListValue(items, open_=True)


def pairwise_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    items, loose = iterate(machine, args[0] if args else None, node, frame)
    if loose:
        return ListValue((tuple((*items, *items)[:2]),), open_=True)
    return ListValue(tuple(itertools.pairwise(items)))


def deepcopy_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return copied(machine, args[0], {}) if args else None


def math_(name: str) -> Handler:
    function = getattr(math, name)

    def compute(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
        if len(args) == 1 and isinstance(args[0], Alternatives):
            return machine.each(args[0], lambda option: compute(machine, [option], kwargs, node, frame))
        values = compare.elements(args[0]) if name == "prod" and args else tuple(args)
        if values is None or not all(isinstance(v, (int, float)) for v in values):
            return Unknown("a number")
        try:
            return function(values) if name == "prod" else function(*values)
        except (ValueError, TypeError, OverflowError):
            return Unknown(f"math.{name} that fails")

    return compute


def getter(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    key = args[0] if args else None
    return Native("itemgetter", lambda inner, _: item(machine, inner[0], key, node, frame))


def getitem(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return item(machine, args[0], args[1], node, frame) if len(args) == 2 else Unknown("operator.getitem")


def attribute_getter(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    key = args[0] if args else ""
    return Native("attrgetter", lambda inner, _: machine.attribute(inner[0], str(key), node, frame))


def cast_(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return args[1] if len(args) > 1 else Unknown("typing.cast")


def repeatable(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    return first(machine, args, kwargs, node, frame)


def environment(machine: Machine, args: Arguments, kwargs: Keywords, node: ast.AST, frame: Frame) -> Value:
    """A variable of the environment for which the code has a default is taken not to be set."""
    if len(args) > 1:
        return args[1]
    return kwargs.get("default", Unknown("a variable of the environment"))


HANDLERS: Final[dict[str, Handler]] = {
    **enumerations.HANDLERS,
    **callable_kinds.HANDLERS,
    **signatures.HANDLERS,
    "os.environ.get": environment,
    "os.getenv": environment,
    "functools.partial": partial_,
    "functools.partialmethod": partial_,
    "functools.reduce": reduce_,
    "functools.wraps": wraps,
    "functools.lru_cache": transparent_decorator,
    "functools.cache": transparent_decorator,
    "contextlib.contextmanager": transparent_decorator,
    "dataclasses.dataclass": dataclass_,
    "dataclasses.field": field_,
    "typing.dataclass_transform": transform_,
    "typing_extensions.dataclass_transform": transform_,
    "dataclasses.replace": replace_,
    "dataclasses.asdict": asdict,
    "collections.OrderedDict": dict_,
    "collections.defaultdict": defaultdict_,
    "collections.deque": sequence_of("list"),
    "collections.namedtuple": namedtuple_,
    "types.SimpleNamespace": namespace,
    "argparse.Namespace": namespace,
    "types.MappingProxyType": repeatable,
    "itertools.chain": chain,
    "itertools.chain.from_iterable": chain_from,
    "itertools.product": product_,
    "itertools.repeat": repeat_,
    "itertools.cycle": cycle_,
    "itertools.count": count_,
    "itertools.accumulate": accumulate_,
    "itertools.islice": islice_,
    "itertools.pairwise": pairwise_,
    "itertools.zip_longest": zip_,
    "importlib.import_module": import_module_,
    "copy.copy": deepcopy_,
    "copy.deepcopy": deepcopy_,
    "operator.getitem": getitem,
    "operator.itemgetter": getter,
    "operator.attrgetter": attribute_getter,
    "typing.cast": cast_,
    "warnings.warn": nothing,
    "logging.getLogger": lambda machine, args, kwargs, node, frame: Unknown("a logger"),
    **{f"math.{name}": math_(name) for name in SAFE_MATH},
    **{f"numpy.{name}": math_(name) for name in ("sqrt", "log", "exp", "ceil", "floor", "prod", "log2")},
}
