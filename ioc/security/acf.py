"""Reads an EPICS access security file: UAG, HAG, and ASG with RULEs.

The grammar is that of EPICS Base (asLib). A file whose rules depend on process variables (INP,
CALC) is refused. Only rules to WRITE matter here, because everybody may read. Rules of both levels
apply, because all fields here have level 0.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from ioc.options.program import StartError
from ioc.security.rules import Rule, Rules, plain_address
from reduction.parameters.specs import nearest

TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|(?P<word>[\w+:./\\\[\]<>;@-]+)|(?P<mark>[(){},])|(?P<bad>\S)'
)

Names = frozenset[str]
Resolve = Callable[[str], Names]
"""The IP addresses of a host; raises OSError if it has none."""


class AcfError(ValueError):
    """An error in a line of the file; the text says which."""


@dataclass(frozen=True)
class Token:
    """A word or a punctuation mark, and the number of its line, from 1."""

    text: str
    line: int
    is_mark: bool


def load_rules(path: Path) -> Rules:
    """The rules of a file; raises `StartError`, which names file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StartError(f"access = {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise StartError(f"access = {path}: {error}") from None
    parser = AcfParser(text)
    try:
        return parser.rules()
    except AcfError as wrong:
        raise StartError(f"{path}:{parser.line}: {wrong}") from None


def addresses(host: str) -> Names:
    """The IP addresses of a host, given by address or by name; raises OSError if it has none."""
    try:
        return frozenset({plain_address(host)})
    except ValueError:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return frozenset(plain_address(str(sockaddr[0])) for *_, sockaddr in found)


def _tokens(text: str) -> Iterator[Token]:
    for number, line in enumerate(text.splitlines(), start=1):
        for match in TOKEN.finditer(re.sub(r'#.*|("[^"]*")', r"\1", line)):
            quoted = match.lastgroup == "quoted"
            word = match["quoted"] if quoted else match[0]
            yield Token(word, number, match.lastgroup in ("mark", "bad"))


class AcfParser:
    """Reads the words of a file, once; ``line`` is the number of the line that it has reached."""

    def __init__(self, text: str, resolve: Resolve = addresses) -> None:
        self._rest = list(reversed(list(_tokens(text))))
        self._resolve = resolve
        self._users: dict[str, Names] = {}
        self._hosts: dict[str, Names] = {}
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self.line = 1

    def rules(self) -> Rules:
        """The rules of the whole file; raises `AcfError`."""
        while self._rest:
            kind = self._word()
            kinds: dict[str, Container[str]]
            kinds = {"UAG": self._users, "HAG": self._hosts, "ASG": self._rules}
            if kind not in kinds:
                raise AcfError(f"UAG, HAG or ASG is expected, not {kind!r}")
            (name,) = self._in_brackets(1)
            if name in kinds[kind]:
                raise AcfError(f"{kind}({name}) is there twice")
            match kind:
                case "UAG":
                    self._users[name] = frozenset(self._members())
                case "HAG":
                    self._hosts[name] = frozenset().union(*map(self._resolved, self._members()))
                case _:
                    self._rules[name] = tuple(self._asg())
        return Rules(self._rules)

    def _asg(self) -> Iterator[Rule]:
        """The rules of an ASG that let somebody write."""
        for keyword in self._items():
            if keyword != "RULE":
                raise AcfError(f"{keyword} is not supported: rules depend on user and host only")
            level, right, *_ = self._in_brackets(2, 3)
            if level not in ("0", "1"):
                raise AcfError(f"level 0 or 1 is expected, not {level!r}")
            if right not in ("NONE", "READ", "WRITE"):
                raise AcfError(f"NONE, READ or WRITE is expected, not {right!r}")
            rule = self._rule()
            if right == "WRITE":
                yield rule

    def _rule(self) -> Rule:
        users: Names | None = None
        hosts: Names | None = None
        for keyword in self._items():
            match keyword:
                case "UAG":
                    users = (users or frozenset()) | self._union(keyword, self._users)
                case "HAG":
                    hosts = (hosts or frozenset()) | self._union(keyword, self._hosts)
                case _:
                    raise AcfError(f"{keyword} is not supported: a rule has UAG and HAG only")
        return Rule(users, hosts)

    def _union(self, kind: str, known: dict[str, Names]) -> Names:
        """The members of all groups of a kind that are named in brackets."""
        members: Names = frozenset()
        for name in self._in_brackets(1, 100):
            if name not in known:
                raise AcfError(f"no {kind} is called {name!r}" + nearest(name, known))
            members |= known[name]
        return members

    def _resolved(self, host: str) -> Names:
        try:
            return self._resolve(host)
        except (OSError, UnicodeError) as error:
            raise AcfError(f"host {host!r} has no address: {error}") from None

    def _items(self) -> Iterator[str]:
        """The keywords in curly brackets, if there are any.

        The caller must read what follows a keyword before it asks for the next one.
        """
        if self._next_is("{"):
            self._mark("{")
            while not self._next_is("}"):
                yield self._word()
            self._mark("}")

    def _members(self) -> list[str]:
        """The words in curly brackets, if there are any."""
        return self._listed("{", "}") if self._next_is("{") else []

    def _in_brackets(self, least: int, most: int = 0) -> list[str]:
        words = self._listed("(", ")")
        if not least <= len(words) <= max(least, most):
            raise AcfError(f"there are {len(words)} words in brackets, not {least}")
        return words

    def _listed(self, begin: str, end: str) -> list[str]:
        """Words between two marks, separated by commas."""
        self._mark(begin)
        words = [self._word()]
        while self._mark(",", end) == ",":
            words.append(self._word())
        return words

    def _next_is(self, mark: str) -> bool:
        return bool(self._rest) and self._rest[-1].is_mark and self._rest[-1].text == mark

    def _word(self) -> str:
        token = self._next("a word")
        if token.is_mark:
            raise AcfError(f"a word is expected, not {token.text!r}")
        return token.text

    def _mark(self, *marks: str) -> str:
        expected = " or ".join(marks)
        token = self._next(expected)
        if not token.is_mark or token.text not in marks:
            raise AcfError(f"{expected} is expected, not {token.text!r}")
        return token.text

    def _next(self, expected: str) -> Token:
        if not self._rest:
            raise AcfError(f"the file ends where {expected} is expected")
        token = self._rest.pop()
        self.line = token.line
        return token
