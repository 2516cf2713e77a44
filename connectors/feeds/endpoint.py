"""Where a connection goes: the parts of a URL, and a name for it that shows no provider's key."""

from urllib.parse import urlsplit

from dlmm.errors import DlmmError
from dlmm.records import Record

PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
SECURE = ("https", "wss")


class EndpointError(DlmmError):
    """A URL that no link can use.

    :arg reason: What is wrong with it. The URL itself stays out, as it may carry a key.

    """

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(f"address of an endpoint: {reason}")
        self.reason = reason


class Endpoint(Record, frozen=True):
    """The parts of a URL.

    :arg is_secure: Whether TLS is spoken.

    :arg target: Path and query, as they are requested; it may carry a provider's key, and is never shown.

    """

    host: str
    port: int
    is_secure: bool
    target: str

    @property
    def label(self) -> str:
        """Host and port, for logs and reports."""
        return f"{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """Host, and port where it is not the scheme's own, as a `Host` header has them."""
        return self._bracketed if self.port == PORTS["https" if self.is_secure else "http"] else self.label

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @classmethod
    def parse(cls, url: str) -> "Endpoint":
        """Take a URL apart.

        :arg url: Of the schemes http, https, ws and wss.

        :raises EndpointError: The URL is none of those, or carries a user and password.

        """
        if not url.isascii() or not url.isprintable() or " " in url:
            raise EndpointError("it holds characters that have to be percent-encoded")
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise EndpointError(str(error) if "port" in str(error).lower() else "its host is malformed") from None
        if parts.scheme not in PORTS:
            raise EndpointError(f"the scheme is none of {', '.join(PORTS)}")
        if not parts.hostname or parts.hostname.startswith("."):
            raise EndpointError("it names no host")
        if port == 0:
            raise EndpointError("port 0 is nobody's")
        if parts.username is not None or parts.password is not None:
            raise EndpointError("user and password in it are not supported; keys belong into the path or the query")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.hostname, port or PORTS[parts.scheme], parts.scheme in SECURE, target)
