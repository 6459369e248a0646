"""Reads the groups and rules of an EPICS access security file: UAG, HAG, and ASG with its RULEs.

The grammar is that of EPICS Base (asLib.y of 7.0.10). A group must stand before the rules that name
it. As in Base, blocks and rules with words that are not known are skipped: later versions may know
them. Base gives the conditions of a rule with such a right to the rule before it; here they count
for no rule, and are refused where Base refuses them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ioc.security.acf_calc import calc_error
from ioc.security.acf_tokens import UNDEFINED, AcfError, Token, TokenKind
from reduction.parameters.specs import nearest

Names = frozenset[str]

RIGHTS = ("NONE", "READ", "WRITE")
TRAPS = ("TRAPWRITE", "NOTRAPWRITE")
BLOCKS = ("UAG", "HAG", "ASG", "AUTHORITY")
CONDITIONS = ("UAG", "HAG", "CALC", "METHOD", "AUTHORITY", "PROTOCOL")
NEWER_CONDITIONS = CONDITIONS[3:]
"""Conditions of newer EPICS Base on how a client proves who it is."""

LEVEL = re.compile(r"\+?[0-9]+|-0+")
"""An integer that is not below 0. Older versions of EPICS Base refuse a sign."""

DEEPEST_BLOCK = 50
"""Most blocks in each other."""


@dataclass(frozen=True)
class FileRule:
    """A RULE as it was written; None stands for all users, or for all hosts.

    ``calc_line`` is the line of its CALC, 0 if it has none.
    """

    line: int
    right: str
    users: Names | None = None
    hosts: Names | None = None
    calc_line: int = 0

    @property
    def limited(self) -> bool:
        """Whether it is for some clients only."""
        return (self.users, self.hosts, self.calc_line) != (None, None, 0)


@dataclass(frozen=True)
class SkippedWord:
    """A word that is not known, for which a block, or a rule of a ``group``, is skipped.

    ``hint`` names known words that are like it.
    """

    line: int
    word: str
    group: str = ""
    right: str = ""
    hint: str = ""


@dataclass(frozen=True)
class FileGroup:
    """An ASG as it was written."""

    line: int
    rules: tuple[FileRule, ...] = ()
    inputs: int = 0


@dataclass(frozen=True)
class AccessGroups:
    """The groups of a file by name, and the line of each host that a HAG names."""

    groups: Mapping[str, FileGroup]
    hosts: Mapping[str, int]
    skipped: tuple[SkippedWord, ...] = ()


class AcfParser:
    """Reads the tokens of a file, once."""

    def __init__(self, found: Iterable[Token]) -> None:
        self._tokens = iter(found)
        self._next: Token | None = next(self._tokens, None)
        self._line = 1
        self._users: dict[str, Names] = {}
        self._hosts: dict[str, Names] = {}
        self._groups: dict[str, FileGroup] = {}
        self._host_lines: dict[str, int] = {}
        self._skipped: list[SkippedWord] = []
        self._ruled = False
        self._unions: dict[tuple[int, Names], Names] = {}

    def parsed(self) -> AccessGroups:
        """The groups of the whole file; raises `AcfError`."""
        self._definition()
        while self._next is not None:
            self._definition()
        return AccessGroups(self._groups, self._host_lines, tuple(self._skipped))

    def _definition(self) -> None:
        """Read one UAG, HAG or ASG, or skip a block that is not known."""
        begin = self._take("UAG, HAG or ASG")
        known: dict[str, Mapping[str, object]]
        known = {"UAG": self._users, "HAG": self._hosts, "ASG": self._groups}
        if begin.text not in known or begin.kind is not TokenKind.KEYWORD:
            if begin.kind is not TokenKind.NAME:
                raise AcfError(begin.line, f"UAG, HAG or ASG is expected, not {begin.text!r}")
            if self._skip(begin, 1) and self._next_is("{"):
                self._mark("{")
                self._item("a name")
                self._mark(",")
                self._skip_list("}")
            hint = _hint(begin.text, BLOCKS)
            self._skipped.append(SkippedWord(begin.line, begin.text, hint=hint))
            return
        self._mark("(")
        name = self._take("a name").name
        if name in known[begin.text] and not self._may_come_again(begin.text, name):
            raise AcfError(self._line, f"{begin.text}({name}) is there twice")
        self._mark(")")
        match begin.text:
            case "UAG":
                self._users[name] = frozenset(each.name for each in self._members())
            case "HAG":
                self._hosts[name] = frozenset(self._host_names())
            case _:
                self._groups[name] = self._group(name, begin.line)

    def _may_come_again(self, kind: str, name: str) -> bool:
        """Whether it is the group DEFAULT, which may be named twice if it was empty."""
        if kind != "ASG" or name != "DEFAULT":
            return False
        return not (self._groups[name].rules or self._groups[name].inputs)

    def _host_names(self) -> Iterator[str]:
        for each in self._members():
            self._host_lines.setdefault(each.name, each.line)
            yield each.name

    def _group(self, name: str, line: int) -> FileGroup:
        rules, inputs = [], 0
        for item in self._items("RULE or INPA"):
            if item.text == "RULE" and item.kind is TokenKind.KEYWORD:
                rule = self._rule(name, item.line)
                rules += [] if rule is None else [rule]
            elif item.kind is TokenKind.KEYWORD and item.text.startswith("INP"):
                self._listed("(", ")", most=1)
                inputs += 1
            else:
                hint = nearest(item.text, ("RULE",))
                raise AcfError(item.line, f"RULE or INPA is expected, not {item.text!r}{hint}")
        return FileGroup(line, tuple(rules), inputs)

    def _rule(self, group: str, line: int) -> FileRule | None:
        """One rule; None if it has words that are not known, and so gives no right."""
        self._mark("(")
        level = self._take("a level")
        if level.quoted or not LEVEL.fullmatch(level.text):
            raise AcfError(level.line, f"level 0 or 1 is expected, not {level.text!r}")
        self._mark(",")
        right = self._take("a right")
        if right.kind is not TokenKind.NAME:
            raise AcfError(right.line, f"NONE, READ or WRITE is expected, not {right.text!r}")
        if self._mark(",", ")") == ",":
            self._word("an option", TRAPS)
            self._mark(")")
        if right.text in RIGHTS:
            self._ruled = True
            return self._conditions(FileRule(line, right.text), group)
        hint = _hint(right.text, RIGHTS)
        self._skipped.append(SkippedWord(right.line, right.text, group, hint=hint))
        self._conditions(FileRule(line, right.text), group)
        return None

    def _conditions(self, rule: FileRule, group: str) -> FileRule | None:
        """The rule with the conditions between its curly brackets; None as for `_rule`."""
        users: set[str] = set()
        hosts: set[str] = set()
        calc_line, skipped = 0, len(self._skipped)
        for item in self._items("UAG or HAG"):
            if item.text == "UAG" and item.kind is TokenKind.KEYWORD:
                users |= self._group_names("UAG", self._users)
            elif item.text == "HAG" and item.kind is TokenKind.KEYWORD:
                hosts |= self._group_names("HAG", self._hosts)
            elif item.text == "CALC" and item.kind is TokenKind.KEYWORD:
                calc_line = calc_line or item.line
                self._check_calc(self._listed("(", ")", most=1)[0])
            else:
                self._skip_condition(item, rule, group)
        if len(self._skipped) > skipped:
            return None
        return FileRule(
            rule.line,
            rule.right,
            self._members_of(frozenset(users), self._users) if users and self._ruled else None,
            self._members_of(frozenset(hosts), self._hosts) if hosts and self._ruled else None,
            calc_line,
        )

    def _skip_condition(self, word: Token, rule: FileRule, group: str) -> None:
        """Skip a condition that is not known; raises `AcfError` where EPICS Base does."""
        if word.kind is TokenKind.NUMBER:
            raise AcfError(word.line, f"a rule has UAG, HAG and CALC, not {word.text!r}")
        self._skip(word, 1)
        if not self._ruled:
            why = f"{word.text} is not known, and no rule with NONE, READ or WRITE is before it"
            raise AcfError(word.line, why)
        hint = _hint(word.text, CONDITIONS)
        self._skipped.append(SkippedWord(word.line, word.text, group, rule.right, hint))

    def _check_calc(self, token: Token) -> None:
        """Raises `AcfError` for a calculation that is none of EPICS Base."""
        if UNDEFINED.search(token.text) or not self._ruled:
            return  # the group may be one that is not used
        if why := calc_error(token.text):
            raise AcfError(token.line, f"CALC {token.text!r}: {why}")

    def _group_names(self, kind: str, known: Mapping[str, Names]) -> set[str]:
        """The names in brackets; raises `AcfError` for one that is no group of this kind."""
        named = {each.name: each.line for each in self._listed("(", ")")}
        for name, line in named.items():
            if name not in known and self._ruled:
                raise AcfError(line, f"no {kind} is called {name!r}{nearest(name, known)}")
        return set(named)

    def _members_of(self, names: Names, known: Mapping[str, Names]) -> Names:
        """The members of all groups with these names; rules with the same groups share the set."""
        key = id(known), names
        if key not in self._unions:
            self._unions[key] = frozenset().union(*(known[each] for each in names))
        return self._unions[key]

    def _items(self, expected: str) -> Iterator[Token]:
        """The first token of each item in curly brackets, if there are any.

        The caller reads the rest of an item before it asks for the next one.
        """
        if not self._next_is("{"):
            return
        self._mark("{")
        yield self._item(expected)
        while not self._next_is("}"):
            yield self._item(expected)
        self._mark("}")

    def _item(self, expected: str) -> Token:
        token = self._take(f"{expected} or }}")
        if token.kind is TokenKind.MARK:
            raise AcfError(token.line, f"{expected} is expected, not {token.text!r}")
        return token

    def _members(self) -> list[Token]:
        """The names in curly brackets, if there are any."""
        return self._listed("{", "}") if self._next_is("{") else []

    def _listed(self, begin: str, end: str, most: int = 0) -> list[Token]:
        """The tokens between two marks, separated by commas; ``most`` 0: any number of them."""
        self._mark(begin)
        listed = [self._name_token()]
        while self._mark(",", end) == ",":
            listed.append(self._name_token())
        if most and len(listed) > most:
            raise AcfError(self._line, f"{len(listed)} names in brackets, not {most}")
        return listed

    def _name_token(self) -> Token:
        token = self._take("a name")
        if token.kind is not TokenKind.NAME:
            raise AcfError(token.line, f"a name is expected, not {token.text!r}")
        return token

    def _word(self, expected: str, words: tuple[str, ...]) -> str:
        token = self._take(expected)
        if token.kind is not TokenKind.NAME or token.text not in words:
            known = ", ".join(words[:-1]) + f" or {words[-1]}"
            hint = nearest(token.text, words)
            raise AcfError(token.line, f"{known} is expected, not {token.text!r}{hint}")
        return token.text

    def _skip(self, word: Token, depth: int) -> bool:
        """Skip what follows a word: a list in brackets, and what may stand in curly ones.

        Gives whether one word alone stood in the curly ones.
        """
        if depth > DEEPEST_BLOCK:
            raise AcfError(word.line, f"more than {DEEPEST_BLOCK} blocks in each other")
        if word.kind is TokenKind.NUMBER:
            raise AcfError(word.line, f"a word is expected, not {word.text!r}")
        self._mark("(")
        if self._next_is(")"):
            self._mark(")")
        else:
            self._skip_list(")")
        return self._next_is("{") and self._skip_body(depth)

    def _skip_body(self, depth: int) -> bool:
        """Skip a list in curly brackets, or words that have brackets themselves; as `_skip`."""
        self._mark("{")
        word = self._item("a name")
        if not self._next_is("("):
            return self._skip_list("}", begun=True) == 1
        self._skip(word, depth + 1)
        while not self._next_is("}"):
            self._skip(self._item("a name"), depth + 1)
        self._mark("}")
        return False

    def _skip_list(self, end: str, *, begun: bool = False) -> int:
        """Skip words between commas up to a mark, and count them; ``begun``: after the first."""
        if not begun:
            self._item("a name")
        count = 1
        while self._mark(",", end) == ",":
            self._item("a name")
            count += 1
        return count

    def _next_is(self, mark: str) -> bool:
        found = self._next
        return found is not None and found.kind is TokenKind.MARK and found.text == mark

    def _mark(self, *marks: str) -> str:
        expected = " or ".join(marks)
        token = self._take(expected)
        if token.kind is not TokenKind.MARK or token.text not in marks:
            raise AcfError(token.line, f"{expected} is expected, not {token.text!r}")
        return token.text

    def _take(self, expected: str) -> Token:
        token = self._next
        if token is None:
            raise AcfError(self._line, f"the file ends where {expected} is expected")
        self._line = token.line
        self._next = next(self._tokens, None)
        return token


def _hint(word: str, known: tuple[str, ...]) -> str:
    """The known words that a word is like, as the end of a sentence; empty for one of them."""
    return "" if word in known else nearest(word.upper(), known)
