"""A Channel Access client that claims to be whom it likes, and puts whatever it may."""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Any, Self

import caproto


class Caller:
    """A connection from ``address``, by a client that says it is ``user`` at ``claimed``."""

    def __init__(
        self, port: int, user: str, address: str = "127.0.0.1", claimed: str = "here"
    ) -> None:
        server = ("127.0.0.1", port)
        self._socket = socket.create_connection(server, 5, source_address=(address, 0))
        self._circuit = caproto.VirtualCircuit(caproto.CLIENT, server, priority=0)
        self._answers: list[Any] = []
        self._channels: dict[str, caproto.ClientChannel] = {}
        self._send(
            caproto.VersionRequest(priority=0, version=caproto.DEFAULT_PROTOCOL_VERSION),
            caproto.HostNameRequest(claimed),
            caproto.ClientNameRequest(user),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._socket.close()

    def may_write(self, name: str) -> bool:
        """Whether it is told that it may."""
        return caproto.AccessRights.WRITE in self._channel(name).access_rights

    def claim(self, user: str) -> None:
        """Say that the user is another now."""
        self._send(caproto.ClientNameRequest(user))
        self._answer(caproto.AccessRightsResponse)

    def put(self, name: str, value: str) -> str:
        """Put a text, whatever the rights: what an error says, empty if it is taken."""
        channel = self._channel(name)
        data = [value.encode()]
        self._send(channel.write(data, data_type=caproto.ChannelType.STRING, notify=True))
        answer = self._answer(caproto.WriteNotifyResponse, caproto.ErrorResponse)
        if isinstance(answer, caproto.WriteNotifyResponse):
            return ""
        return f"{answer.status.name}: {bytes(answer.error_message).decode()}"

    def _channel(self, name: str) -> caproto.ClientChannel:
        if name not in self._channels:
            self._channels[name] = channel = caproto.ClientChannel(name, self._circuit)
            self._send(channel.create())
            self._answer(caproto.CreateChanResponse)
        return self._channels[name]

    def _send(self, *commands: Any) -> None:
        for buffer in self._circuit.send(*commands):
            self._socket.sendall(buffer)

    def _answer(self, *kinds: type[Any]) -> Any:
        while True:
            while self._answers:
                command = self._answers.pop(0)
                self._circuit.process_command(command)
                if isinstance(command, kinds):
                    return command
            self._answers += self._circuit.recv(self._socket.recv(4096))[0]
