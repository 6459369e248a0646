"""Certificates and keys of a site that exists only in tests, made by openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

KEY_PASSWORD = "swordfish under glass"
STORE_PASSWORD = "changeit"


def why_no_tls() -> str:
    """Why no certificates can be made here; empty if they can."""
    return "" if shutil.which("openssl") else "certificates need openssl"


class Certificates:
    """What is needed for TLS, as files in a folder.

    - ``authority``: the certificate that the site trusts; ``stranger``: one that nobody trusts
    - ``broker``, ``expired``: key stores of a broker at 127.0.0.1, of which the second has expired
    - ``client``, ``client_key``: certificate and key of a client, the key with `KEY_PASSWORD`
    - ``forged``, ``forged_key``: the same, signed by the stranger
    - ``password``, ``wrong_password``: files with that password, and with another one
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority, self.stranger = (self._authority(name) for name in ("site", "stranger"))
        self.broker = self._store("broker", days=2)
        self.expired = self._store("expired", days=-1)
        self.client, self.client_key = self._client("client", self.authority)
        self.forged, self.forged_key = self._client("forged", self.stranger)
        self.password = self._written("password", KEY_PASSWORD)
        self.wrong_password = self._written("wrong-password", KEY_PASSWORD[::-1])
        self.trusted = self._trusted()

    def _written(self, name: str, text: str) -> Path:
        path = self._folder / name
        path.write_text(text + "\n")
        return path

    def _openssl(self, *words: str | Path) -> None:
        subprocess.run(("openssl", *words), check=True, capture_output=True, cwd=self._folder)

    def _authority(self, name: str) -> Path:
        made = self._folder / f"{name}.pem"
        new = ("-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={name}")
        self._openssl("req", "-x509", *new, "-days", "2", "-out", made)
        return made

    def _signed(self, name: str, by: Path, days: int, *protection: str) -> Path:
        """A certificate for 127.0.0.1 with a new key, signed by an authority."""
        new = ("-newkey", "rsa:2048", "-keyout", f"{name}.key", "-subj", "/CN=127.0.0.1")
        self._openssl("req", *new, *(protection or ("-nodes",)), "-out", f"{name}.req")
        made, more = self._folder / f"{name}.pem", self._folder / f"{name}.ext"
        more.write_text("subjectAltName=IP:127.0.0.1\n")
        signing = ("-CA", by, "-CAkey", by.with_suffix(".key"), "-CAcreateserial")
        valid = ("-days", str(days), "-extfile", more)
        self._openssl("x509", "-req", "-in", f"{name}.req", *signing, *valid, "-out", made)
        return made

    def _store(self, name: str, days: int) -> Path:
        certificate, made = self._signed(name, self.authority, days), self._folder / f"{name}.p12"
        key = ("-inkey", f"{name}.key", "-passout", f"pass:{STORE_PASSWORD}")
        self._openssl("pkcs12", "-export", "-in", certificate, *key, "-out", made)
        return made

    def _client(self, name: str, by: Path) -> tuple[Path, Path]:
        made = self._signed(name, by, 2, "-passout", f"pass:{KEY_PASSWORD}")
        return made, self._folder / f"{name}.key"

    def _trusted(self) -> Path:
        """The key store by which a broker trusts clients that the site has signed."""
        made = self._folder / "trusted.p12"
        options = ("-storepass", STORE_PASSWORD, "-storetype", "PKCS12", "-noprompt")
        command = ("keytool", "-importcert", "-alias", "site", "-file", str(self.authority))
        subprocess.run(
            (*command, "-keystore", str(made), *options), check=True, capture_output=True
        )
        return made

    @property
    def listeners(self) -> str:
        """Settings of a broker's listeners TLS, EXPIRED and MUTUAL, which asks clients for keys."""
        lines = []
        for name, store in (
            ("tls", self.broker),
            ("expired", self.expired),
            ("mutual", self.broker),
        ):
            lines += [
                f"listener.name.{name}.ssl.keystore.type=PKCS12",
                f"listener.name.{name}.ssl.keystore.location={store}",
                f"listener.name.{name}.ssl.keystore.password={STORE_PASSWORD}",
                f"listener.name.{name}.ssl.key.password={STORE_PASSWORD}",
            ]
        return "\n".join(
            [
                *lines,
                "listener.name.mutual.ssl.client.auth=required",
                "listener.name.mutual.ssl.truststore.type=PKCS12",
                f"listener.name.mutual.ssl.truststore.location={self.trusted}",
                f"listener.name.mutual.ssl.truststore.password={STORE_PASSWORD}",
            ]
        )
