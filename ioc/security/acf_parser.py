"""Reads the groups and rules of an EPICS access security file: UAG, HAG, and ASG with its RULEs.

The grammar is that of EPICS Base (asLib.y). A group must stand before the rules that name it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ioc.security.acf_tokens import AcfError, Token, TokenKind
from reduction.parameters.specs import nearest

Names = frozenset[str]

RIGHTS = ("NONE", "READ", "WRITE")
TRAPS = ("TRAPWRITE", "NOTRAPWRITE")
CONDITIONS = ("CALC", "METHOD", "AUTHORITY", "PROTOCOL")
"""Conditions of rules of EPICS Base that are not evaluated here."""


@dataclass(frozen=True)
class FileRule:
    """A RULE as it was written; None stands for all users, or for all hosts.

    ``condition`` is the first of `CONDITIONS` that it has, empty if it has none.
    """

    line: int
    right: str
    users: Names | None = None
    hosts: Names | None = None
    condition: str = ""
    condition_line: int = 0

    @property
    def limited(self) -> bool:
        """Whether it is for some clients only."""
        return (self.users, self.hosts, self.condition) != (None, None, "")


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
    ignored: Mapping[str, int] = field(default_factory=dict)
    """The blocks that were skipped, and their lines."""


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
        self._ignored: dict[str, int] = {}
        self._unions: dict[tuple[int, Names], Names] = {}

    def parsed(self) -> AccessGroups:
        """The groups of the whole file; raises `AcfError`."""
        self._definition()
        while self._next is not None:
            self._definition()
        return AccessGroups(self._groups, self._host_lines, self._ignored)

    def _definition(self) -> None:
        """Read one UAG, HAG or ASG; an AUTHORITY, which certificates alone need, is skipped."""
        begin = self._take("UAG, HAG or ASG")
        if begin.text == "AUTHORITY":
            self._ignored[begin.text] = begin.line
            self._skip_block()
            return
        known: dict[str, Mapping[str, object]]
        known = {"UAG": self._users, "HAG": self._hosts, "ASG": self._groups}
        if begin.text not in known or begin.kind is not TokenKind.KEYWORD:
            hint = nearest(begin.text, known)
            raise AcfError(begin.line, f"UAG, HAG or ASG is expected, not {begin.text!r}{hint}")
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
                self._groups[name] = self._group(begin.line)

    def _may_come_again(self, kind: str, name: str) -> bool:
        """Whether it is the group DEFAULT, which may be named twice if it was empty."""
        if kind != "ASG" or name != "DEFAULT":
            return False
        return not (self._groups[name].rules or self._groups[name].inputs)

    def _host_names(self) -> Iterator[str]:
        for each in self._members():
            self._host_lines.setdefault(each.name, each.line)
            yield each.name

    def _group(self, line: int) -> FileGroup:
        rules, inputs = [], 0
        for item in self._items("RULE or INPA"):
            if item.text == "RULE" and item.kind is TokenKind.KEYWORD:
                rules.append(self._rule(item.line))
            elif item.kind is TokenKind.KEYWORD and item.text.startswith("INP"):
                self._listed("(", ")", most=1)
                inputs += 1
            else:
                hint = nearest(item.text, ("RULE",))
                raise AcfError(item.line, f"RULE or INPA is expected, not {item.text!r}{hint}")
        return FileGroup(line, tuple(rules), inputs)

    def _rule(self, line: int) -> FileRule:
        self._mark("(")
        level = self._take("a level")
        if level.kind is not TokenKind.NUMBER:
            raise AcfError(level.line, f"level 0 or 1 is expected, not {level.text!r}")
        self._mark(",")
        right = self._word("a right", RIGHTS)
        if self._mark(",", ")") == ",":
            self._word("an option", TRAPS)
            self._mark(")")
        return self._conditions(FileRule(line, right))

    def _conditions(self, rule: FileRule) -> FileRule:
        """The rule with the conditions between its curly brackets."""
        users: set[str] = set()
        hosts: set[str] = set()
        condition = Token("", 0, TokenKind.KEYWORD)
        for item in self._items("UAG or HAG"):
            if item.text == "UAG":
                users |= self._group_names("UAG", self._users)
            elif item.text == "HAG":
                hosts |= self._group_names("HAG", self._hosts)
            elif item.text in CONDITIONS:
                self._listed("(", ")", most=1 if item.text == "CALC" else 0)
                condition = condition if condition.text else item
            else:
                hint = nearest(item.text, ("UAG", "HAG", *CONDITIONS))
                why = f"a rule has UAG, HAG and CALC, not {item.text!r}{hint}"
                raise AcfError(item.line, why)
        return FileRule(
            rule.line,
            rule.right,
            self._members_of(frozenset(users), self._users) if users else None,
            self._members_of(frozenset(hosts), self._hosts) if hosts else None,
            condition.text,
            condition.line,
        )

    def _group_names(self, kind: str, known: Mapping[str, Names]) -> set[str]:
        """The names in brackets; raises `AcfError` for one that is no group of this kind."""
        named = {each.name: each.line for each in self._listed("(", ")")}
        for name, line in named.items():
            if name not in known:
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

    def _skip_block(self) -> None:
        """Skip what is in brackets, of both kinds, up to the next keyword or name outside."""
        depth = 0
        while self._next is not None and (depth or self._next.kind is TokenKind.MARK):
            text = self._take("}").text
            depth += (text in ("(", "{")) - (text in (")", "}"))

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
