"""TLS between a socket's bytes and a protocol's, without a socket."""

import ssl

READ_SIZE = 65_536


class TlsLayer:
    """One connection's encryption: bytes in, bytes out.

    Every method but `outgoing` raises `ssl.SSLError` where the peer breaks the protocol or shows no good certificate.

    """

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self.is_ready = False
        """Whether the handshake is over, with the certificate checked."""
        self.is_ended = False
        """Whether the peer said goodbye."""

    def shake(self) -> None:
        """Begin, or go on with, the handshake."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return
        self.is_ready = True

    def receive(self, data: bytes) -> bytes:
        """Take what came from the socket, and return what it says in plain."""
        self._incoming.write(data)
        if not self.is_ready:
            self.shake()
            if not self.is_ready:
                return b""
        pieces: list[bytes] = []
        try:
            while piece := self._object.read(READ_SIZE):
                pieces.append(piece)
            self.is_ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.is_ended = True
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def send(self, data: bytes) -> None:
        """Encrypt; the result waits in `outgoing`."""
        self._object.write(data)

    def outgoing(self) -> bytes:
        """Take what has to go to the socket."""
        return self._outgoing.read()


def reason_of(error: ssl.SSLError) -> str:
    """Say in words why TLS failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not good: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
