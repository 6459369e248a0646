"""The rules of an EPICS access security file, as far as they matter to this IOC.

Only rules to WRITE matter, because everybody may read. Rules of all levels apply, because all
fields here have level 0.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from ioc.options.program import StartError
from ioc.security.access_macros import MacroError, Macros
from ioc.security.acf_parser import NEWER_CONDITIONS, AccessGroups, AcfParser, FileRule
from ioc.security.acf_tokens import AcfError, tokens
from ioc.security.hosts import HostAddresses, resolved
from ioc.security.rules import Asg, Rule, Rules
from reduction.host.file_system.regular_files import read_regular_file
from reduction.parameters.specs import nearest

log = logging.getLogger(__name__)

LARGEST_ACCESS_FILE_BYTES = 256 << 10
"""Size of the largest file that is read. Files of facilities have some ten thousand bytes."""

WRITTEN = frozenset((Asg.CONFIGURATION, Asg.OPERATION, Asg.SIMULATOR))
"""The groups that have process variables to write. Those of DEFAULT are only read."""


def load_rules(path: Path, macros: str = "") -> Rules:
    """The rules of a file; ``macros`` are definitions of its macros, as in ``A=1,B=2``.

    Raises `StartError`, which names file and line, for a file that EPICS Base would not read, and
    for a rule that this IOC would need to evaluate and cannot. Hosts without an address are warned
    of: they match no client. So are groups that look mistyped.
    """
    try:
        defined = Macros.parsed(macros)
    except MacroError as error:
        raise StartError(f"access_macros = {macros}: {error}") from None
    try:
        file = AcfParser(tokens(_content(path), defined)).parsed()
        used = _used_groups(file)
        _refuse_conditions(file, used)
    except AcfError as wrong:
        raise StartError(f"{path}:{wrong.line}: {wrong}") from None
    known = resolved(file.hosts)
    _warn(path, file, used, known)
    return Rules({name: tuple(_writing(group.rules, known)) for name, group in file.groups.items()})


def _content(path: Path) -> str:
    """The text of a regular file of at most `LARGEST_ACCESS_FILE_BYTES`; raises `StartError`.

    Bytes that are no UTF-8 become surrogates: they may stand in comments and in quoted names.
    """
    try:
        content = read_regular_file(path, LARGEST_ACCESS_FILE_BYTES)
    except OSError as error:
        raise StartError(f"access = {path}: {error.strerror}") from None
    return content.decode("utf-8", "surrogateescape")


def _used_groups(file: AccessGroups) -> frozenset[str]:
    """The groups whose rules to write matter: DEFAULT only in place of a group that is missing."""
    missing = WRITTEN - file.groups.keys()
    return frozenset(file.groups) & (WRITTEN | ({Asg.DEFAULT} if missing else set()))


def _refuse_conditions(file: AccessGroups, used: frozenset[str]) -> None:
    """Raises `AcfError` for a rule to write that depends on more than users and hosts."""
    found = [
        (rule.calc_line, "CALC", name)
        for name in sorted(used)
        for rule in file.groups[name].rules
        if rule.right == "WRITE" and rule.calc_line
    ]
    found += [
        (each.line, each.word, each.group)
        for each in file.skipped
        if each.group in used and each.right == "WRITE" and each.word in NEWER_CONDITIONS
    ]
    for line, word, name in found[:1]:
        why = "is not supported: rights depend on users and hosts alone"
        raise AcfError(line, f"{word} in a rule of ASG({name}) {why}")


def _writing(rules: Iterable[FileRule], known: Mapping[str, HostAddresses]) -> Iterable[Rule]:
    """The rules that let somebody write. A rule with a CALC lets nobody."""
    for rule in rules:
        if rule.right == "WRITE" and not rule.calc_line:
            hosts = rule.hosts
            found = (known.get(each, frozenset()) for each in hosts or ())
            yield Rule(rule.users, None if hosts is None else frozenset().union(*found))


def _warn(
    path: Path, file: AccessGroups, used: frozenset[str], known: Mapping[str, HostAddresses]
) -> None:
    """Tell what in the file has no effect here, and probably should have."""
    for host, line in file.hosts.items():
        if host not in known:
            log.warning("%s:%d: host %r has no address: no client is on it", path, line, host)
    for name, group in file.groups.items():
        hint = nearest(name.upper(), tuple(Asg))
        if name not in tuple(Asg) and hint:
            log.warning("%s:%d: no process variable is in ASG(%s)%s", path, group.line, name, hint)
        reading = [rule for rule in group.rules if rule.right in ("READ", "WRITE")]
        limited = [rule.line for rule in reading if rule.right == "READ" and rule.limited]
        if name in used and limited and all(rule.limited for rule in reading):
            log.warning("%s:%d: everybody may read ASG(%s), not only these", path, limited[0], name)
    for each in file.skipped:
        what = f"a rule of ASG({each.group}) with {each.word}" if each.group else each.word
        if not each.group or each.group in used:
            why = f"is not known here, and has no effect{each.hint}"
            log.warning("%s:%d: %s %s", path, each.line, what, why)
