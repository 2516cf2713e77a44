"""From the bytes of a message to those of a transaction, without taking either apart."""

from collections.abc import Iterable
from typing import Protocol

from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.signature import Signature

from connectors.execution.building.messages import parts_of
from connectors.execution.building.steps import BuildError

_ONE_SIGNATURE = b"\x01"
_KEY_BYTES = 32
_MOST_SIGNATURES = 19  # more leave no room for anything else


class Signer(Protocol):
    """What signing needs of a wallet."""

    @property
    def address(self) -> Pubkey:
        """The wallet's public key."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the wallet's signature."""
        ...

    def derived(self, name: str) -> Keypair:
        """Return the key of a name, the same at every call."""
        ...


def sign(wallet: Signer, message: bytes, extra: Iterable[str] = ()) -> tuple[str, bytes]:
    """Sign a message that the wallet pays for.

    :arg message: Version 0, with its version in front.

    :arg extra: Names of the derived keys that sign beside the wallet.

    :returns: The transaction's signature, base58, and its bytes for the wire.

    :raises BuildError: `missing_signer`: a key that has to sign is neither the wallet's nor among the named.

    """
    first = wallet.sign(message)
    if message[1] == 1:
        return str(Signature(first)), _ONE_SIGNATURE + first + message
    keypairs = [wallet.derived(name) for name in extra]
    others = {bytes(keypair.pubkey()): keypair for keypair in keypairs}
    count, keys = message[1], parts_of(message).keys
    signatures = [first]
    for place in range(1, min(count, _MOST_SIGNATURES)):
        key = message[keys + place * _KEY_BYTES : keys + (place + 1) * _KEY_BYTES]
        keypair = others.get(key)
        if keypair is None:
            raise BuildError("missing_signer", f"{Pubkey.from_bytes(key)} has to sign")
        signatures.append(bytes(keypair.sign_message(message)))
    return str(Signature(first)), bytes([len(signatures)]) + b"".join(signatures) + message
