"""Random work on wallets: transfers of lamports and tokens, associated accounts, wrapped SOL, memos."""

from solders.instruction import Instruction
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer

from dlmm.programs import MEMO_PROGRAM, WRAPPED_SOL, associated_token_account
from sandbox.comparison import token_instructions as tokens
from sandbox.comparison.swaps import random_request
from sandbox.comparison.world import Command, World

_BUDGET = 500_000


def pay(world: World) -> Command:
    """Draw a transfer of lamports, to somebody known or new, sometimes of more than there is."""
    payer = world.wallets[world.wallet()]
    to = world.fresh("payee").pubkey() if world.happens(0.4) else world.wallets[world.wallet()].pubkey()
    lamports = world.pick([0, 1, 5_000, 890_879, 890_880, 10**7, 10**9, 10**14, (1 << 64) - 1])
    sent = transfer(TransferParams(from_pubkey=payer.pubkey(), to_pubkey=to, lamports=lamports))
    return Command("lamport transfer", [sent], [payer], world.pick([None, None, _BUDGET, _BUDGET, 100]))


def transfer_tokens(world: World) -> Command:
    """Draw a transfer of tokens, with or without the mint's check, sometimes of more than there is."""
    owner, other = world.wallets[world.wallet()], world.wallets[world.wallet()]
    facts = world.pick(world.pools).facts
    mint, decimals = world.pick([(facts.mint_x, facts.decimals_x), (facts.mint_y, facts.decimals_y)])
    source = associated_token_account(owner.pubkey(), mint)
    target = associated_token_account(other.pubkey(), world.pick([mint, mint, mint, facts.mint_x]))
    amount = world.pick([0, 1, 10**6, 10**9, 10**17])
    signed_by = world.wallets[world.wallet()] if world.happens(0.1) else owner
    signer = signed_by.pubkey()
    if world.happens(0.5):
        moved = tokens.transfer(source=source, target=target, owner=signer, amount=amount)
    else:
        digits = decimals if world.happens(0.9) else 3
        moved = tokens.transfer_checked(
            source=source, mint=mint, target=target, owner=signer, amount=amount, decimals=digits
        )
    return Command("token transfer", [moved], [signed_by], _BUDGET)


def associated(world: World) -> Command:
    """Draw the making of an associated account, for somebody who has it or not."""
    payer = world.wallets[world.wallet()]
    owner = world.fresh("owner").pubkey() if world.happens(0.5) else world.wallets[world.wallet()].pubkey()
    mint = world.pick(world.pools).facts.mint_x
    made = tokens.create_associated(payer=payer.pubkey(), owner=owner, mint=mint, idempotent=world.happens(0.6))
    return Command("associated account", [made], [payer], _BUDGET)


def wrapped(owner: Pubkey, payer: Pubkey, lamports: int) -> list[Instruction]:
    """Make an account for wrapped SOL where there is none, and put lamports into it."""
    account = associated_token_account(owner, WRAPPED_SOL)
    return [
        tokens.create_associated(payer=payer, owner=owner, mint=WRAPPED_SOL, idempotent=True),
        transfer(TransferParams(from_pubkey=payer, to_pubkey=account, lamports=lamports)),
        tokens.sync_native(account),
    ]


def unwrapped(owner: Pubkey) -> Instruction:
    """Close the account for wrapped SOL, so that its lamports come back."""
    account = associated_token_account(owner, WRAPPED_SOL)
    return tokens.close_account(account=account, to=owner, owner=owner)


def wrap(world: World) -> Command:
    """Draw a wrapping of SOL, or an unwrapping, or both."""
    owner = world.wrapper
    instructions = wrapped(owner.pubkey(), owner.pubkey(), world.pick([0, 1, 10**9, 10**11, 10**14]))
    match world.between(0, 2):
        case 0:
            instructions = [*instructions, unwrapped(owner.pubkey())]
        case 1:
            instructions = [unwrapped(owner.pubkey())]
    return Command("wrapped SOL", instructions, [owner], _BUDGET)


def close_token_account(world: World) -> Command:
    """Draw the closing of a token account, which fails while it holds tokens; an empty one is made before."""
    payer = world.wallets[world.wallet()]
    mint = world.pick(world.pools).facts.mint_y
    to = world.wallets[world.wallet()].pubkey()
    owner = world.fresh("closer") if world.happens(0.6) else payer
    account = associated_token_account(owner.pubkey(), mint)
    closed = tokens.close_account(account=account, to=to, owner=owner.pubkey())
    if owner is payer:
        return Command("close token account", [closed], [payer], _BUDGET)
    made = tokens.create_associated(payer=payer.pubkey(), owner=owner.pubkey(), mint=mint, idempotent=False)
    return Command("close token account", [made, closed], [payer, owner], _BUDGET)


def memo(world: World) -> Command:
    """Draw a memo."""
    author = world.wallets[world.wallet()]
    text = world.pick([b"hello", b"", b"\xff\xfe", bytes(200)])
    return Command("memo", [Instruction(MEMO_PROGRAM, text, [])], [author], _BUDGET)


def whole_swap(world: World) -> Command:
    """Draw a swap as a wallet sends it: accounts made, SOL wrapped before, unwrapped after."""
    user = world.wrapper
    pool_access = world.pick([one for one in world.pools if one.facts.mint_x == WRAPPED_SOL])
    facts, pool = pool_access.facts, pool_access.read()
    wanted = random_request(world, pool_access, pool)
    lamports = wanted.amount if wanted.swap_for_y and wanted.exact_in else 10**10
    instructions = [
        *wrapped(user.pubkey(), user.pubkey(), min(lamports, 10**13)),
        tokens.create_associated(payer=user.pubkey(), owner=user.pubkey(), mint=facts.mint_y, idempotent=True),
        pool_access.swap(user.pubkey(), wanted),
        unwrapped(user.pubkey()),
    ]
    return Command(f"{facts.venue} wrapped swap", instructions, [user])
