import pytest
from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from connectors.execution.building.messages import compile_message
from connectors.execution.building.signing import sign
from connectors.execution.building.steps import BuildError
from dlmm.anchor import writing_signer
from tests.connectors.execution.building.exchange_floor import BLOCKHASH, WALLET

PROGRAM = Pubkey.from_bytes(bytes([1]) * 32)


def message_signed_by(*names: str) -> bytes:
    metas = [writing_signer(WALLET.address), *(writing_signer(WALLET.derived(name).pubkey()) for name in names)]
    return compile_message(WALLET.address, [Instruction(PROGRAM, b"", metas)], BLOCKHASH)


@pytest.mark.parametrize("names", [(), ("a",), ("a", "b", "c")])
def test_what_is_signed_is_a_transaction_with_valid_signatures(names: tuple[str, ...]) -> None:
    signature, wire = sign(WALLET, message_signed_by(*names), reversed(names))
    decoded = VersionedTransaction.from_bytes(wire)
    assert all(decoded.verify_with_results())
    assert len(decoded.signatures) == 1 + len(names)
    assert str(decoded.signatures[0]) == signature
    assert bytes(decoded) == wire


def test_a_key_that_nobody_has_is_named() -> None:
    message = message_signed_by("a", "b")
    with pytest.raises(BuildError, match=f"missing_signer: {WALLET.derived('b').pubkey()} has to sign"):
        sign(WALLET, message, ["a"])


def test_names_that_need_not_sign_do_no_harm() -> None:
    message = message_signed_by("a")
    assert sign(WALLET, message, ["a", "b"]) == sign(WALLET, message, ["a"])
