"""Ways in which a client's instruction goes wrong, so that the engines' refusals are compared too."""

from collections.abc import Callable, Sequence

from solders.instruction import AccountMeta, Instruction

from sandbox.comparison.world import World


def spoiled(world: World, instructions: Sequence[Instruction]) -> tuple[str, list[Instruction]]:
    """Spoil the last instruction in one way.

    :returns: What was done to it, and all instructions.

    """
    name = world.pick(list(_WAYS))
    *before, last = instructions
    return name, [*before, _WAYS[name](world, last)]


def _with(instruction: Instruction, accounts: Sequence[AccountMeta], data: bytes | None = None) -> Instruction:
    return Instruction(instruction.program_id, instruction.data if data is None else data, list(accounts))


def _fewer_accounts(world: World, instruction: Instruction) -> Instruction:
    return _with(instruction, instruction.accounts[: -world.between(1, 3)])


def _stranger(world: World, instruction: Instruction) -> Instruction:
    """Let somebody else be named where the signer stands, who does not sign."""
    stranger = world.fresh("stranger").pubkey()
    return _with(
        instruction,
        [
            AccountMeta(stranger, False, account.is_writable) if account.is_signer else account
            for account in instruction.accounts
        ],
    )


def _read_only(world: World, instruction: Instruction) -> Instruction:
    accounts = list(instruction.accounts)
    places = [place for place, account in enumerate(accounts) if account.is_writable and not account.is_signer]
    if places:
        place = world.pick(places)
        accounts[place] = AccountMeta(accounts[place].pubkey, False, False)
    return _with(instruction, accounts)


def _other_account(world: World, instruction: Instruction) -> Instruction:
    """Put a key that is no account in the place of one that is written."""
    accounts = list(instruction.accounts)
    places = [place for place, account in enumerate(accounts) if account.is_writable and not account.is_signer]
    if places:
        place = world.pick(places)
        accounts[place] = AccountMeta(world.fresh("nobody").pubkey(), False, True)
    return _with(instruction, accounts)


def _exchanged(world: World, instruction: Instruction) -> Instruction:
    """Let two written accounts change places."""
    accounts = list(instruction.accounts)
    places = [place for place, account in enumerate(accounts) if account.is_writable and not account.is_signer]
    if len(places) > 1:
        one, other = world.pick(places), world.pick(places)
        accounts[one], accounts[other] = accounts[other], accounts[one]
    return _with(instruction, accounts)


def _cut_data(world: World, instruction: Instruction) -> Instruction:
    data = bytes(instruction.data)
    return _with(instruction, instruction.accounts, data[: world.between(0, max(len(data) - 1, 0))])


_WAYS: dict[str, Callable[[World, Instruction], Instruction]] = {
    "fewer accounts": _fewer_accounts,
    "stranger": _stranger,
    "read-only": _read_only,
    "other account": _other_account,
    "exchanged": _exchanged,
    "cut data": _cut_data,
}
