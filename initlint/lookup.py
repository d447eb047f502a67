"""Finding what somebody means by a name: aliases, other spellings, small slips, and a hint where nothing fits."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

NEAR: Final = 0.8  # likeness of two words, one of which is mistyped
ALIKE: Final = 0.7  # of two words, to ask whether one of them was meant
LONG: Final = 5  # letters; a slip in a shorter word may make another word of it (relu, selu, gelu)
FILLERS: Final = frozenset("a an and for in model net network of on or system the to using with".split())


class MissError(Exception):
    """Nothing has that name; and what was probably meant."""

    def __init__(self, miss: str, hint: str) -> None:
        super().__init__(f"{miss}; {hint}")
        self.miss = miss


def exact(query: str, names: Mapping[str, Iterable[str]], noun: str) -> str:
    """The key one of whose names is the query, but for case, punctuation, and the module before it.

    `nn.LeakyReLU(0.2)`, `Leaky ReLU` and `leaky_relu` are one name. Raises MissError.
    """
    asked = squeezed(query)
    table = {squeezed(name): key for key, several in names.items() for name in (*several, key)}
    if asked in table:
        return table[asked]
    from difflib import get_close_matches

    raise missed(query, (table[name] for name in get_close_matches(asked, sorted(table), 3)), noun)


def described(query: str, names: Mapping[str, Iterable[str]], noun: str) -> list[str]:
    """The keys that a description fits best: an alias of theirs, else all its words among theirs, slips forgiven.

    Raises MissError.
    """
    asked = words(query)
    aliases = {key: {" ".join(words(name)) for name in (*several, key)} for key, several in names.items()}
    vocabulary = {key: {word for name in known for word in name.split()} for key, known in aliases.items()}
    every = sorted(set().union(*vocabulary.values()))
    meant = [corrected(word, every) for word in asked]
    for said in (asked, [word or "" for word in meant]):
        text = " ".join(said)
        found = [key for key, known in aliases.items() if text in known]
        found = found or [key for key, known in vocabulary.items() if known.issuperset(said)]
        if found:
            return found
    shared = {key: len(known.intersection(word for word in meant if word)) for key, known in vocabulary.items()}
    most = max(shared.values())
    near = [key for key, number in shared.items() if most and number == most]
    raise missed(query, near or _alike(asked, aliases) or _akin(asked, vocabulary), noun)


def _alike(asked: Sequence[str], aliases: Mapping[str, Iterable[str]]) -> list[str]:
    """The keys of which a name is like the whole of what was asked."""
    from difflib import get_close_matches

    table = {name: key for key, names in aliases.items() for name in names}
    return [table[name] for name in get_close_matches(" ".join(asked), sorted(table), 3)]


def _akin(asked: Iterable[str], vocabulary: Mapping[str, Collection[str]]) -> list[str]:
    """The keys that have a word like one of those that were asked."""
    from difflib import get_close_matches

    every = sorted(set().union(*vocabulary.values()))
    meant = [near for word in asked for near in get_close_matches(word, every, 1, ALIKE)]
    return [key for word in meant for key, known in vocabulary.items() if word in known]


def corrected(word: str, vocabulary: list[str]) -> str | None:
    """The known word that is meant; None where there is none."""
    if word in vocabulary:
        return word
    if len(word) < LONG:
        return None
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, vocabulary, 1, NEAR)), None)


def missed(query: str, near: Iterable[str], noun: str) -> MissError:
    """`no activation 'reul' in the documents; did you mean 'relu'?`"""
    names = list(dict.fromkeys(near))[:3]
    hint = f"did you mean {' or '.join(map(repr, names))}?" if names else "`initlint recommend` lists what there is"
    return MissError(f"no {noun} {query!r} in the documents", hint)


def squeezed(name: str) -> str:
    """The last part of a dotted name without its arguments, in lower case, letters and digits only."""
    last = name.partition("(")[0].strip().rpartition(".")[2]
    return re.sub(r"[\W_]+", "", last).lower()


def words(text: str) -> tuple[str, ...]:
    """The words that matter, in lower case and the singular."""
    found = re.findall(r"[^\W_]+", text.lower())
    known = [singular(word) for word in found]
    return tuple(word for word in known if word not in FILLERS) or tuple(known)


def singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
