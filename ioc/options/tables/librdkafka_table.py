"""The tables ``[stream.librdkafka]`` and ``[publish.librdkafka]`` of a TOML file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ioc.options.program import StartError

FROM_FILE = "_file"
"""An option of librdkafka whose name has this behind it has its value in a file."""

SECRET = ("password", "secret", "ssl.key.pem", "ssl.keystore.pem")
"""Parts of names of librdkafka's options whose values are secrets."""

OURS = (
    "bootstrap.servers",
    "metadata.broker.list",
    "group.",
    "enable.auto.",
    "enable.partition.eof",
    "auto.offset.reset",
    "isolation.level",
    "logger",
    "opaque",
)
"""Beginnings of names of librdkafka's options that are not to be set."""

FUNCTION = "_cb"
"""The end of names of options that are functions of a program."""

NEEDED = (
    ("sasl.", ("SASL_PLAINTEXT", "SASL_SSL")),
    ("ssl.", ("SSL", "SASL_SSL")),
)
"""Beginnings of names of options, and the values of security.protocol with which they work."""


def librdkafka_options(
    where: str, value: Any
) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Path], ...]]:
    """Options of librdkafka, and the files with further ones."""
    if not isinstance(value, Mapping):
        raise StartError(f"{where} = {value!r}: a table")
    options, secrets = [], []
    for name, each in _flat(value):
        if name.startswith(OURS) or name.endswith(FUNCTION):
            raise StartError(f"{where}: {name} is not to be set")
        if isinstance(each, bool):
            options.append((name, str(each).lower()))
        elif name.endswith(FROM_FILE):
            secrets.append((name.removesuffix(FROM_FILE), Path(str(each)).expanduser()))
        elif any(part in name for part in SECRET):
            raise StartError(
                f"{where}: {name}: keep it in a file, and name that: {name}{FROM_FILE}"
            )
        elif isinstance(each, str | int | float):
            options.append((name, str(each)))
        else:
            raise StartError(f"{where}: {name} = {each!r}: a text or a number")
    _check_protocol(where, dict(options), [name for name, _ in (*options, *secrets)])
    return tuple(options), tuple(secrets)


def _check_protocol(where: str, options: Mapping[str, str], names: Iterable[str]) -> None:
    """Raise `StartError` for an option that security.protocol leaves without effect."""
    protocol = options.get("security.protocol", "PLAINTEXT")
    mechanisms = (options.get("sasl.mechanisms"), options.get("sasl.mechanism"))
    if "OAUTHBEARER" in mechanisms and options.get("sasl.oauthbearer.method") != "oidc":
        raise StartError(f"{where}: OAUTHBEARER needs sasl.oauthbearer.method = 'oidc'")
    for name in names:
        for beginning, protocols in NEEDED:
            if name.startswith(beginning) and protocol.upper() not in protocols:
                raise StartError(
                    f"{where}: {name} has no effect: security.protocol is {protocol}, and would"
                    f" have to be {' or '.join(protocols)}"
                )


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names with dots, whether they are quoted in the file or not."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value
