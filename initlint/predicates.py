"""The named escape hatch: what the vocabulary of [when] can't say, one function for each name, by subject.

Also what the texts of a field may be, so that a rule that asks for what can't be is an error when it is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

from initlint.branches import Branch
from initlint.chains import Flow
from initlint.conditions import Test
from initlint.graph import OUTPUT, UNKNOWN
from initlint.knowledge import knowledge
from initlint.laws import LAWS
from initlint.silence import effective_constant
from initlint.strengths import DESTINATIONS
from initlint.stretches import Stretch
from initlint.subjects import Use
from initlint.tables import KINDS

SPARSE_WORDS: Final = ("mask", "prun", "spars", "lottery")
POSITIONS: Final = frozenset({"alone", "head", "starved", "branch", "hidden"})
PROSPECTS: Final = frozenset({"standstill", "identical", "moves"})
LAWLESS: Final = frozenset({"copy", "cauchy"})  # initializers without a law
ROLES: Final = frozenset({"kernel", "recurrent", "raw"})
INCIDENTS: Final = frozenset(
    {
        "fan-of-vector",
        "unsupported-nonlinearity",
        "missing-bias",
        "unknown-initializer",
        "wrong-rank",
        "inplace-on-leaf",
        "assign-non-parameter",
        "init-of-module",
        "init-on-copy",
    }
)


def in_sparse_context(use: Use) -> bool:
    """Whether the model says that it is sparse on purpose: a mask, pruning or a sparse layer by name around it."""
    context = use.context
    names = [context.entry, use.event.function]
    for layer in context.layers:
        names += [layer.kind, layer.name, layer.module, *(weight.name for weight in layer.weights)]
    names += [node.name for node in context.nodes]
    return any(word in name.casefold() for name in names for word in SPARSE_WORDS)


def outside_sparse_context(use: Use) -> bool:
    return not in_sparse_context(use)


def unsuited_over_steps(use: Use) -> bool | None:
    """Whether a recurrent matrix is applied again and again, and is wrong for rectified units too, which halve what
    He's radius of 1.41 doubles. Cells that a forward calls once, and whose state goes to other layers, are gates."""
    return _unsuited_to_rectifiers(use) if _may_step(use) else False


def _may_step(use: Use) -> bool:
    """Whether all cells that are made here are called several times, or give their state to the caller."""
    if not (use.layer.qualified.startswith("torch.") and use.layer.kind.endswith("Cell")):
        return True
    context = use.context
    alike = [layer.index for layer in context.layers if layer.place == use.layer.place]
    once = [index for index in alike if sum(node.layer == index for node in context.nodes) == 1]
    targets = [{edge.target for edge in context.outgoing(index)} for index in once]
    return not any(found and found.isdisjoint((OUTPUT, UNKNOWN)) for found in targets)


def _unsuited_to_rectifiers(use: Use) -> bool | None:
    """None where the matrix would be right for rectified units and the layer may have them."""
    if use.radius is None or not 1.2 < use.radius < 1.7 or use.internal == frozenset():
        return True
    return None if use.internal is None else use.internal != {"relu"}


def no_prior_behind(use: Use) -> bool:
    """Whether no layer behind it starts from a bias that was chosen: a detector's prior, before which a small signal is
    meant (Lin et al. 2017, section 4.1)."""
    return not _prior_behind(use.flow, use.layer.index)


def meant_to_be_large(stretch: Stretch) -> bool:
    """The same of a whole run of layers: that no prior says that its signal is small on purpose."""
    return not _prior_behind(stretch.flow, stretch.strand.links[-1].layer)


def _prior_behind(flow: Flow, index: int) -> bool:
    seen, waiting = {index}, [index]
    while waiting:
        for edge in flow.after(waiting.pop()):
            if edge.target >= 0 and edge.target not in seen:
                seen.add(edge.target)
                waiting.append(edge.target)
    biases = [w for i in sorted(seen) for w in flow.context.layers[i].weights if w.role == "bias"]
    return any(effective_constant(bias) for bias in biases)


def misleads(branch: Branch) -> bool:
    """Whether the test never holds and layers are missed for it, or always holds and all are written alike."""
    if branch.always:
        return True
    if branch.kind == "name":
        return branch.never and ((branch.dotted_name or branch.cased_name) is not None or branch.missed > 0)
    return branch.never and branch.missed > 0


PREDICATES: Final[Mapping[str, Mapping[str, Test]]] = {
    "weight": {
        "in-sparse-context": in_sparse_context,
        "outside-sparse-context": outside_sparse_context,
        "unsuited-over-steps": unsuited_over_steps,
        "no-prior-behind": no_prior_behind,
    },
    "test": {"misleads": misleads},
    "model": {"no-prior-behind": meant_to_be_large},
}


@cache
def values(subject: str) -> Mapping[str, Collection[str]]:
    """For the fields of a subject that are one of a known few texts: which."""
    known = knowledge()
    techniques = {*LAWS, *LAWLESS}
    activations = {*known.activations, *DESTINATIONS}
    if subject == "call":
        return {"technique": techniques, "activations": activations, "argument": {"gain", "nonlinearity", "a"}}
    if subject in {"weight", "tensor"}:
        return {
            "technique": techniques,
            "activations": activations,
            "internal": activations,
            "activation_kinds": {*KINDS, *DESTINATIONS},
            "role": ROLES if subject == "weight" else {*ROLES, "embedding"},
            "position": POSITIONS,
            "prospect": PROSPECTS,
            "nonlinearity": set(known.gains),
        }
    if subject in {"chain", "model"}:
        return {"activation_kinds": {*KINDS, *DESTINATIONS}}
    if subject == "incident":
        return {"kind": INCIDENTS}
    if subject == "test":
        return {"kind": {"type", "name"}}
    return {}
