"""The key with which parts on several hosts know each other, from the options of a command."""

from __future__ import annotations

import ipaddress
import logging
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from ioc.options.program import StartError
from ioc.options.shared_options import EndpointOptions
from reduction.host.network.key_file import Key, KeyRefused, make_key, read_key

log = logging.getLogger(__name__)

NO_KEY = "none"


def key_of(options: EndpointOptions, *endpoints: str, makes: bool = False) -> Key | None:
    """The key for TCP endpoints; None if there are none, or if no key is to be used.

    ``makes`` is set for the part that makes a key if the file is not there. The default file, which
    is among the user's data, is made by any part. Raises `StartError` for a file that cannot be
    used.
    """
    tcp = [each for each in endpoints if each.startswith("tcp:")]
    if not tcp:
        return None
    if options.key == NO_KEY:
        for each in tcp:
            if not _is_loopback(each):
                log.warning("key = none: whoever reaches %s can read and command this", each)
        return None
    path = Path(options.key).expanduser() if options.key else _default_path()
    try:
        if path.exists() or (options.key and not makes):
            return read_key(path)
        key = make_key(path)
    except (KeyRefused, OSError) as error:
        raise StartError(f"key: {error}; see --key") from None
    if not all(map(_is_loopback, tcp)):
        log.warning("made the key %s: parts on other hosts need a copy, see --key", path)
    return key


def _default_path() -> Path:
    return platformdirs.user_state_path("live-reduction") / "key"


def _is_loopback(endpoint: str) -> bool:
    try:
        return ipaddress.ip_address(urlsplit(endpoint).hostname or "").is_loopback
    except ValueError:
        return False
