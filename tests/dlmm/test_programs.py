"""Associated token accounts depend on the token's program."""

from solders.pubkey import Pubkey

from dlmm.programs import TOKEN_2022_PROGRAM, WRAPPED_SOL, associated_token_account

OWNER = Pubkey.from_string("J82z1ERrbTfHqViHBYZbLCeyMSzmztrWg97UKVGi9Rya")


def test_the_address_is_the_one_that_a_wallet_uses() -> None:
    assert str(associated_token_account(OWNER, WRAPPED_SOL)) == "DXRMPoiNdQUKMXGv4PjjBAg9gWaneaikvezQwDiWpeCU"


def test_each_token_program_has_its_own_address() -> None:
    assert associated_token_account(OWNER, WRAPPED_SOL) != associated_token_account(
        OWNER, WRAPPED_SOL, TOKEN_2022_PROGRAM
    )
