"""Words of librdkafka about connections that fail, in plain English where they are riddles."""

from __future__ import annotations

import re

NO_KERBEROS = (
    "this library has no Kerberos (GSSAPI), which is meant where sasl.mechanisms is not set: set it"
    " to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
)

RIDDLES = (
    (
        r"Failed while waiting for (controller|response from broker)",
        "it does not answer, or closes each connection: its address or security.protocol may be"
        " wrong",
    ),
    (
        r"Request not valid in current SASL state",
        "this port takes no passwords: it, or security.protocol, may be wrong",
    ),
    (r"No provider for SASL mechanism GSSAPI", NO_KERBEROS),
    (
        r"certificate verify failed",
        "its certificate is not trusted: it has expired, is for another host, or is of an authority"
        " that is not in ssl.ca.location",
    ),
    (
        r"alert (bad certificate|certificate|unknown ca|access denied|handshake failure)",
        "it refuses the certificate of this client (ssl.certificate.location, ssl.key.location):"
        " it has none, it has expired, or its authority is not trusted there",
    ),
    (
        r"(SSL connection closed by peer|wrong version number|packet length too long)",
        "it closes the connection when TLS begins: this port may be one without TLS, and"
        " security.protocol wrong",
    ),
    (
        r"key values mismatch",
        "the key in ssl.key.location is not that of the certificate in ssl.certificate.location",
    ),
    (
        r"ssl\.key\.location failed: .*(PEM lib|bad decrypt|bad password)",
        "the key in ssl.key.location cannot be read: it is no PEM file, or ssl.key.password is"
        " wrong",
    ),
    (
        r"ssl\.(ca|certificate|key|keystore)\.location failed",
        r"the file in ssl.\1.location cannot be read",
    ),
)
"""What librdkafka says, as a pattern, and what it means."""


def plain_words(said: str) -> str:
    """What librdkafka has said of a connection; in plain words where it is a riddle."""
    for pattern, words in RIDDLES:
        found = re.search(pattern, said, re.IGNORECASE)
        if found:
            address = re.match(r"(?:ssl|sasl_\w+)://([^/]+)/", said)
            return (f"{address[1]}: " if address else "") + found.expand(words)
    return said
