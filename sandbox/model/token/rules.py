"""What every instruction of the token programs asks first: that accounts are what they should be, and who signed."""

from dataclasses import dataclass

from solders.pubkey import Pubkey

from dlmm.programs import TOKEN_2022_PROGRAM, TOKEN_PROGRAM, WRAPPED_SOL
from sandbox.model.invocation import Invocation
from sandbox.model.token.accounts import (
    FROZEN,
    HOLDING_LENGTH,
    HOLDING_TYPE,
    INITIALIZED,
    MINT_LENGTH,
    MINT_TYPE,
    MULTISIG_LENGTH,
    Holding,
    Mint,
)
from sandbox.model.token.failures import TokenFailure, failure, refusal


@dataclass(frozen=True, slots=True)
class Rules:
    """Which of the two token programs runs.

    :arg is_extended: Whether it is Token-2022, with extensions and with its own order of checks.

    """

    program: Pubkey
    native_mint: Pubkey
    is_extended: bool

    def holding(self, call: Invocation, index: int) -> Holding:
        """Read a token account.

        :raises ProgramError: It has another length or kind, or is not initialised.

        """
        data = self._owned(call, index)
        self._check_length(data, HOLDING_LENGTH, HOLDING_TYPE)
        holding = Holding(data)
        if holding.state > FROZEN:
            raise refusal("InvalidAccountData")
        if holding.state < INITIALIZED:
            raise refusal("UninitializedAccount")
        return holding

    def mint(self, call: Invocation, index: int) -> Mint:
        """Read a mint.

        :raises ProgramError: It has another length or kind, or is not initialised.

        """
        data = self._owned(call, index)
        self._check_length(data, MINT_LENGTH, MINT_TYPE)
        mint = Mint(data)
        if not mint.is_initialized:
            raise refusal("UninitializedAccount")
        return mint

    def check_owner(self, call: Invocation, index: int) -> None:
        """Check that an account is the program's.

        :raises ProgramError: It is not.

        """
        if call.owner(index) != self.program:
            raise refusal("IncorrectProgramId")

    def need(self, call: Invocation, accounts: int, *owned: int, at_once: bool = True) -> None:
        """Check how many accounts an instruction was given and, for Token-2022, that some of them are its own.

        :arg owned: Indices of those.

        :arg at_once: Whether the count comes first; else the accounts are looked at one by one.

        :raises ProgramError: Too few, or not the program's.

        """
        if at_once:
            need(call, accounts)
        if self.is_extended:
            for index in owned:
                need(call, index + 1)
                self.check_owner(call, index)
        need(call, accounts)

    def fresh(self, call: Invocation, index: int, length: int) -> bytes:
        """Read bytes that may become a mint or a token account.

        :raises ProgramError: They are not as many as one takes.

        """
        data = self._owned(call, index)
        if len(data) != length and not (self.is_extended and HOLDING_LENGTH < len(data) != MULTISIG_LENGTH):
            raise refusal("InvalidAccountData")
        return data

    def _owned(self, call: Invocation, index: int) -> bytes:
        """Read an account; SPL Token leaves it to the runtime that nobody writes what is another program's."""
        if self.is_extended:
            self.check_owner(call, index)
        return call.read(index)

    def _check_length(self, data: bytes, length: int, kind: int) -> None:
        if len(data) == length:
            return
        if not self.is_extended or not HOLDING_LENGTH < len(data) != MULTISIG_LENGTH or data[HOLDING_LENGTH] != kind:
            raise refusal("InvalidAccountData")


SPL = Rules(program=TOKEN_PROGRAM, native_mint=WRAPPED_SOL, is_extended=False)
TOKEN_2022 = Rules(
    program=TOKEN_2022_PROGRAM,
    native_mint=Pubkey.from_string("9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXejP"),
    is_extended=True,
)


def need(call: Invocation, accounts: int) -> None:
    """Check how many accounts an instruction was given.

    :raises ProgramError: Too few.

    """
    if call.count < accounts:
        raise refusal("NotEnoughAccountKeys")


def check_authority(call: Invocation, expected: bytes, index: int) -> None:
    """Check that an account is who may do this, and signed. Owners of several signatures are not modelled.

    :raises ProgramError: It is somebody else, or did not sign.

    """
    if bytes(call.key(index)) != expected:
        raise failure(TokenFailure.OWNER_MISMATCH)
    if not call.is_signer(index):
        raise refusal("MissingRequiredSignature")
