"""How the Meteora program ends an instruction: code, and the lines that Anchor logs about it.

Source: the program's published IDL and Anchor's own codes; the places are what the program 0.12 logs.
"""

from solders.pubkey import Pubkey

from sandbox.model.anchor_errors import ANCHOR_WORDS
from sandbox.model.invocation import Invocation, ProgramError

INVALID_START_BIN = 6000
INVALID_BIN_ID = 6001
INVALID_INPUT = 6002
SLIPPAGE = 6003
BIN_SLIPPAGE = 6004
FLAWED = 6005
INVALID_POSITION = 6008
INVALID_TOKEN_MINT = 6010
INVALID_BPS = 6017
MATH_OVERFLOW = 6018
INVALID_BIN_ARRAY = 6027
NON_CONTINUOUS_ARRAYS = 6028
NON_EMPTY_POSITION = 6030
UNAUTHORIZED = 6031
EXTENSION_NOT_PROVIDED = 6036
BIN_OUT_OF_BOUND = 6038
POSITION_WIDTH = 6040
POOL_DISABLED = 6042
WRONG_TOKEN_ACCOUNT = 6050
WRONG_RENT_RECEIVER = 6051
STRATEGY = 6054
LOCKED = 6055
INSUFFICIENT_REMAINING = 6074
INVALID_SLICE = 6075
DUPLICATED_SLICES = 6076
INVALID_SIDE = 6080
INVALID_RESIZE = 6081
UNSUPPORTED = 6082
INVALID_POSITION_OWNER = 6088
INVALID_FUNCTION = 6095
INVALID_PLACE = 6105
INVALID_ORDER_OWNER = 6106
INVALID_CANCEL = 6107
NO_SUCH_ORDER = 6108

_WORDS = {
    **ANCHOR_WORDS,
    INVALID_START_BIN: ("InvalidStartBinIndex", "Invalid start bin index"),
    INVALID_BIN_ID: ("InvalidBinId", "Invalid bin id"),
    INVALID_INPUT: ("InvalidInput", "Invalid input data"),
    SLIPPAGE: ("ExceededAmountSlippageTolerance", "Exceeded amount slippage tolerance"),
    BIN_SLIPPAGE: ("ExceededBinSlippageTolerance", "Exceeded bin slippage tolerance"),
    FLAWED: ("CompositionFactorFlawed", "Composition factor flawed"),
    INVALID_POSITION: ("InvalidPosition", "Invalid position"),
    INVALID_TOKEN_MINT: ("InvalidTokenMint", "Invalid token mint"),
    6012: ("PairInsufficientLiquidity", "Pair insufficient liquidity"),
    INVALID_BPS: ("InvalidBps", "Invalid basis point"),
    MATH_OVERFLOW: ("MathOverflow", "Math operation overflow"),
    6019: ("TypeCastFailed", "Type cast error"),
    INVALID_BIN_ARRAY: ("InvalidBinArray", "Invalid bin array"),
    NON_CONTINUOUS_ARRAYS: ("NonContinuousBinArrays", "Bin arrays must be continuous"),
    NON_EMPTY_POSITION: ("NonEmptyPosition", "Position is not empty"),
    UNAUTHORIZED: ("UnauthorizedAccess", "Unauthorized access"),
    EXTENSION_NOT_PROVIDED: ("BitmapExtensionAccountIsNotProvided", "Bitmap extension account is not provided"),
    6037: ("CannotFindNonZeroLiquidityBinArrayId", "Cannot find non-zero liquidity binArrayId"),
    6039: ("InsufficientOutAmount", "Insufficient amount in for minimum out"),
    BIN_OUT_OF_BOUND: ("BinIdOutOfBound", "Bin id out of bound"),
    POSITION_WIDTH: ("InvalidPositionWidth", "Invalid position width"),
    POOL_DISABLED: ("PoolDisabled", "Pool disabled"),
    WRONG_TOKEN_ACCOUNT: ("WithdrawToWrongTokenAccount", "Withdraw to wrong token account"),
    WRONG_RENT_RECEIVER: ("WrongRentReceiver", "Wrong rent receiver"),
    STRATEGY: ("InvalidStrategyParameters", "Invalid strategy parameters"),
    LOCKED: ("LiquidityLocked", "Liquidity locked"),
    6057: ("NotExactAmountOut", "Amount out is not matched with exact amount out"),
    INSUFFICIENT_REMAINING: ("InsufficientRemainingAccounts", "Insufficient remaining accounts"),
    INVALID_SLICE: ("InvalidRemainingAccountSlice", "Invalid remaining account slice"),
    DUPLICATED_SLICES: ("DuplicatedRemainingAccountTypes", "Duplicated remaining account types"),
    INVALID_SIDE: ("InvalidSide", "Invalid side"),
    INVALID_RESIZE: ("InvalidResizeLength", "Invalid resize length"),
    UNSUPPORTED: ("NotSupportAtTheMoment", "Not support at the moment"),
    6085: ("UndeterminedError", "Undetermined error"),
    INVALID_POSITION_OWNER: ("InvalidPositionOwner", "Invalid position owner"),
    INVALID_FUNCTION: ("InvalidFunctionType", "Invalid function type"),
    6104: ("InsufficientInAmount", "Insufficient in amount"),
    INVALID_PLACE: ("InvalidPlaceLimitOrderParameters", "Invalid place limit order parameters"),
    INVALID_ORDER_OWNER: ("InvalidLimitOrderOwner", "Invalid limit order owner"),
    INVALID_CANCEL: ("InvalidCancelLimitOrderParameters", "Invalid cancel limit order parameters"),
    NO_SUCH_ORDER: ("CannotFindLimitOrderByBinId", "Cannot find limit order by bin id"),
    6109: ("CancelNonEmptyLimitOrder", "Cannot cancel non-empty limit order"),
}
_SOURCE = "programs/lb_clmm/src/"


def anchor_error(code: int, place: str | None = None) -> ProgramError:
    """End as the program's own code does.

    :arg code: One of the codes above, or any that `dlmm` gives.

    :arg place: File and line in the program's source, where it names them.

    """
    origin = "occurred" if place is None else f"thrown in {_SOURCE}{place}"
    return ProgramError(code, f"AnchorError {origin}. {_described(code)}")


def math_error(place: str) -> str:
    """Word the line that the program logs before an overflow, where it names the place."""
    return f"Math error thrown at {_SOURCE}{place}"


def panic(invocation: Invocation, place: str, message: str) -> ProgramError:
    """End as a program does that panics.

    :arg place: File, line and column in the program's source.

    :arg message: What Rust says about it.

    """
    invocation.log(f"panicked at {_SOURCE}{place}:\n{message}")
    return ProgramError("ProgramFailedToComplete", text="SBF program panicked")


def account_error(
    invocation: Invocation, code: int, account: str, found: tuple[Pubkey, Pubkey] | None = None
) -> ProgramError:
    """End as Anchor's checks of one account do.

    :arg account: The account's name in the IDL.

    :arg found: Two keys that were compared, logged beneath.

    """
    line = f"AnchorError caused by account: {account}. {_described(code)}"
    if found is None:
        return ProgramError(code, line)
    for text in (line, "Left:", str(found[0]), "Right:"):
        invocation.log(text)
    return ProgramError(code, str(found[1]))


_RUNTIME_WORDS = {
    "InvalidAccountData": (4, "An account's data contents was invalid"),
    "UninitializedAccount": (10, "An attempt to operate on an account that hasn't been initialized"),
    "AccountBorrowFailed": (12, "Failed to borrow a reference to account data, already borrowed"),
}


def runtime_error(name: str, account: str | None = None) -> ProgramError:
    """End with one of the runtime's own errors, as Anchor words it.

    :arg name: `InvalidAccountData`, `UninitializedAccount` or `AccountBorrowFailed`.

    :arg account: The account's name in the IDL, where Anchor says it.

    """
    number, message = _RUNTIME_WORDS[name]
    origin = "occurred" if account is None else f"caused by account: {account}"
    line = f"ProgramError {origin}. Error Code: {name}. Error Number: {number << 32}. Error Message: {message}."
    return ProgramError(name, line)


def _described(code: int) -> str:
    name, message = _WORDS[code]
    return f"Error Code: {name}. Error Number: {code}. Error Message: {message}."
