"""Why a transaction failed, by name: what the runtime, the two venues, Anchor, the token and system programs say.

Source: the programs' published IDLs, Anchor's `ErrorCode`, and the `TokenError` and `SystemError` of Solana's programs.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from connectors.wire.refusal import Refusal, refusal
from connectors.wire.rpc import UNREADABLE
from connectors.wire.transaction_json import SYSTEM, TOKEN_PROGRAMS, VENUES
from dlmm.meteora.layout import PROGRAM as METEORA_PROGRAM
from dlmm.programs import ASSOCIATED_TOKEN_PROGRAM
from dlmm.records import Record
from dlmm.saros.layout import ERROR_NAMES as SAROS_NAMES
from dlmm.saros.layout import HOOK_PROGRAM_IDS

_CUSTOM = 6000
"""First code that an Anchor program gives meanings of its own to; those below are Anchor's."""

_METEORA = """
    InvalidStartBinIndex InvalidBinId InvalidInput ExceededAmountSlippageTolerance ExceededBinSlippageTolerance
    CompositionFactorFlawed NonPresetBinStep ZeroLiquidity InvalidPosition BinArrayNotFound InvalidTokenMint
    InvalidAccountForSingleDeposit PairInsufficientLiquidity InvalidFeeOwner InvalidFeeWithdrawAmount InvalidAdmin
    IdenticalFeeOwner InvalidBps MathOverflow TypeCastFailed InvalidRewardIndex InvalidRewardDuration
    RewardInitialized RewardUninitialized IdenticalFunder RewardCampaignInProgress IdenticalRewardDuration
    InvalidBinArray NonContinuousBinArrays InvalidRewardVault NonEmptyPosition UnauthorizedAccess
    InvalidFeeParameter MissingOracle InsufficientSample InvalidLookupTimestamp BitmapExtensionAccountIsNotProvided
    CannotFindNonZeroLiquidityBinArrayId BinIdOutOfBound InsufficientOutAmount InvalidPositionWidth
    ExcessiveFeeUpdate PoolDisabled InvalidPoolType ExceedMaxWhitelist InvalidIndex RewardNotEnded
    MustWithdrawnIneligibleReward UnauthorizedAddress OperatorsAreTheSame WithdrawToWrongTokenAccount
    WrongRentReceiver AlreadyPassActivationPoint ExceedMaxSwappedAmount InvalidStrategyParameters LiquidityLocked
    BinRangeIsNotEmpty NotExactAmountOut InvalidActivationType InvalidActivationDuration
    MissingTokenAmountAsTokenLaunchProof InvalidQuoteToken InvalidBinStep InvalidBaseFee
    InvalidPreActivationDuration AlreadyPassPreActivationSwapPoint InvalidStatus ExceededMaxOracleLength
    InvalidMinimumLiquidity NotSupportMint UnsupportedMintExtension UnsupportNativeMintToken2022 UnmatchTokenMint
    UnsupportedTokenMint InsufficientRemainingAccounts InvalidRemainingAccountSlice DuplicatedRemainingAccountTypes
    MissingRemainingAccountForTransferHook NoTransferHookProgram ZeroFundedAmount InvalidSide InvalidResizeLength
    NotSupportAtTheMoment InvalidRebalanceParameters InvalidRewardAccounts UndeterminedError
    ReallocExceedMaxLengthPerInstruction InvalidBaseFeeMantissa InvalidPositionOwner InvalidPoolAddress
    InvalidTokenBadgeType InvalidTransferHookAuthority AmountXIsNegative AmountYIsNegative InvalidPoolCreator
    InvalidFunctionType InvalidPermission IncorrectATA InvalidWithdrawProtocolFeeZapAccounts MintRestrictedFromZap
    CpiDisabled MissingZapOutInstruction InvalidZapAccounts InvalidZapOutParameters InsufficientInAmount
    InvalidPlaceLimitOrderParameters InvalidLimitOrderOwner InvalidCancelLimitOrderParameters
    CannotFindLimitOrderByBinId CancelNonEmptyLimitOrder InvalidCollectFeeMode
"""
_HOOK = """
    CheckedAddSignedOverflow CheckedAddOverflow HookBinArrayIndexMismatch BinNotFound ShlDivError MulDivError
    MulShrError CheckedMulOverflow InvalidStartTime CheckedSubUnderflow ZeroRewards InvalidDeltaBins
    InvalidLBPosition PairLowerBinArrayMismatch PairUpperBinArrayMismatch NeedToClaimPendingRewardsFirst
"""
_TOKEN = """
    NotRentExempt InsufficientFunds InvalidMint MintMismatch OwnerMismatch FixedSupply AlreadyInUse
    InvalidNumberOfProvidedSigners InvalidNumberOfRequiredSigners UninitializedState NativeNotSupported
    NonNativeHasBalance InvalidInstruction InvalidState Overflow AuthorityTypeNotSupported MintCannotFreeze
    AccountFrozen MintDecimalsMismatch NonNativeNotSupported ExtensionTypeMismatch ExtensionBaseMismatch
    ExtensionAlreadyInitialized ConfidentialTransferAccountHasBalance ConfidentialTransferAccountNotApproved
    ConfidentialTransferDepositsAndTransfersDisabled ConfidentialTransferElGamalPubkeyMismatch
    ConfidentialTransferBalanceMismatch MintHasSupply NoAuthorityExists TransferFeeExceedsMaximum
    MintRequiredForTransfer FeeMismatch FeeParametersMismatch ImmutableOwner AccountHasWithheldTransferFees NoMemo
    NonTransferable NonTransferableNeedsImmutableOwnership MaximumPendingBalanceCreditCounterExceeded
    MaximumDepositAmountExceeded CpiGuardSettingsLocked CpiGuardTransferBlocked CpiGuardBurnBlocked
    CpiGuardCloseAccountBlocked CpiGuardApproveBlocked CpiGuardSetAuthorityBlocked CpiGuardOwnerChangeBlocked
    ExtensionNotFound NonConfidentialTransfersDisabled ConfidentialTransferFeeAccountHasWithheldFee
    InvalidExtensionCombination InvalidLengthForAlloc AccountDecryption ProofGeneration
    InvalidProofInstructionOffset HarvestToMintDisabled SplProofContextStateAccountsNotSupported
    NotEnoughProofContextStateAccounts MalformedCiphertext CiphertextArithmeticFailed PedersenCommitmentMismatch
    RangeProofLengthMismatch IllegalBitLength FeeCalculation IllegalMintBurnConversion InvalidScale MintPaused
    PendingBalanceNonZero
"""
_SYSTEM = """
    AccountAlreadyInUse ResultWithNegativeLamports InvalidProgramId InvalidAccountDataLength MaxSeedLengthExceeded
    AddressWithSeedMismatch NonceNoRecentBlockhashes NonceBlockhashNotExpired NonceUnexpectedBlockhashValue
"""
_ANCHOR = {
    100: "InstructionMissing",
    101: "InstructionFallbackNotFound",
    102: "InstructionDidNotDeserialize",
    103: "InstructionDidNotSerialize",
    2000: "ConstraintMut",
    2001: "ConstraintHasOne",
    2002: "ConstraintSigner",
    2003: "ConstraintRaw",
    2004: "ConstraintOwner",
    2005: "ConstraintRentExempt",
    2006: "ConstraintSeeds",
    2007: "ConstraintExecutable",
    2009: "ConstraintAssociated",
    2010: "ConstraintAssociatedInit",
    2011: "ConstraintClose",
    2012: "ConstraintAddress",
    2013: "ConstraintZero",
    2014: "ConstraintTokenMint",
    2015: "ConstraintTokenOwner",
    2016: "ConstraintMintMintAuthority",
    2017: "ConstraintMintFreezeAuthority",
    2018: "ConstraintMintDecimals",
    2019: "ConstraintSpace",
    2021: "ConstraintTokenTokenProgram",
    2022: "ConstraintMintTokenProgram",
    2023: "ConstraintAssociatedTokenTokenProgram",
    2500: "RequireViolated",
    2501: "RequireEqViolated",
    2502: "RequireKeysEqViolated",
    2503: "RequireNeqViolated",
    2504: "RequireKeysNeqViolated",
    2505: "RequireGtViolated",
    2506: "RequireGteViolated",
    3000: "AccountDiscriminatorAlreadySet",
    3001: "AccountDiscriminatorNotFound",
    3002: "AccountDiscriminatorMismatch",
    3003: "AccountDidNotDeserialize",
    3004: "AccountDidNotSerialize",
    3005: "AccountNotEnoughKeys",
    3006: "AccountNotMutable",
    3007: "AccountOwnedByWrongProgram",
    3008: "InvalidProgramId",
    3009: "InvalidProgramExecutable",
    3010: "AccountNotSigner",
    3011: "AccountNotSystemOwned",
    3012: "AccountNotInitialized",
    3013: "AccountNotProgramData",
    3014: "AccountNotAssociatedTokenAccount",
    3015: "AccountSysvarMismatch",
    3016: "AccountReallocExceedsLimit",
    3017: "AccountDuplicateReallocs",
    4100: "DeclaredProgramIdMismatch",
    4101: "TryingToInitPayerAsProgramAccount",
    4102: "InvalidNumericConversion",
}

_FAILED = re.compile(r"Program (\w{32,44}) failed: ")


def _numbered(names: str, first: int = 0) -> dict[int, str]:
    return dict(enumerate(names.split(), first))


_VENUE_NAMES = {METEORA_PROGRAM: _numbered(_METEORA, _CUSTOM)}
_TOKEN_NAMES, _SYSTEM_NAMES, _HOOK_NAMES = _numbered(_TOKEN), _numbered(_SYSTEM), _numbered(_HOOK, _CUSTOM)
_ASSOCIATED_NAMES = {0: "InvalidOwner"}
_ASSOCIATED = str(ASSOCIATED_TOKEN_PROGRAM)


class Failure(Record, frozen=True):
    """Why a transaction failed.

    :arg instruction: Place of the top-level instruction that failed; `None` where the transaction itself did.

    :arg name: The runtime's name: `InstructionError`, or `BlockhashNotFound`, `InsufficientFundsForFee` and so on.

    :arg code: A program's own code, where it gave one.

    :arg program: Address of the program that failed first, which the failing instruction may have called; `None` where
        that is not known.

    :arg text: What the error says beside its name and code: the runtime's name for an instruction's error, or the
        account that it is about.

    """

    instruction: int | None
    name: str
    code: int | None = None
    program: str | None = None
    text: str = ""


def failure_of(error_json: str, programs: Sequence[str] = (), logs: Sequence[str] = ()) -> Failure | Refusal:
    """Read the error of a transaction, as statuses, notifications, simulations and landed transactions tell it.

    :arg error_json: Anything but `null`.

    :arg programs: Addresses of the programs of the top-level instructions, where they are known.

    :arg logs: What it logged, where that is known; it tells which of several programs failed.

    :returns: A refusal has the cause `error_shape`.

    """
    try:
        error = msgspec.json.decode(error_json)
    except UNREADABLE as reason:
        return refusal("error_shape", reason)
    match error:
        case str() if error:
            return Failure(None, error)
        case {"InstructionError": [int(place), detail]} if len(error) == 1 and type(place) is int and place >= 0:
            return _of_instruction(place, detail, _failed_program(place, programs, logs))
        case dict() if len(error) == 1:
            ((name, value),) = error.items()
            return Failure(None, name, text=_text(value))
    return refusal("error_shape", error_json)


def named_error(failure: Failure) -> str:
    """Name a failure in a word or two: `6003 ExceededAmountSlippageTolerance`, `BlockhashNotFound`.

    A code of a program that is not known is given alone.

    """
    if failure.code is not None:
        name = _names(failure.program, failure.code).get(failure.code)
        return str(failure.code) if name is None else f"{failure.code} {name}"
    if failure.instruction is not None:
        return failure.text
    return f"{failure.name} {failure.text}".rstrip()


def _of_instruction(place: int, detail: Any, program: str | None) -> Failure | Refusal:
    match detail:
        case str() if detail:
            return Failure(place, "InstructionError", None, program, detail)
        case {"Custom": code} if type(code) is int and code >= 0:
            return Failure(place, "InstructionError", code, program)
        case dict() if len(detail) == 1:
            ((name, value),) = detail.items()
            return Failure(place, "InstructionError", None, program, f"{name} {_text(value)}".rstrip())
    return refusal("error_shape", f"InstructionError {detail}")


def _failed_program(place: int, programs: Sequence[str], logs: Sequence[str]) -> str | None:
    # the innermost program fails first, and then each that called it
    for line in logs:
        failed = _FAILED.match(line)
        if failed is not None:
            return failed[1]
    return programs[place] if place < len(programs) else None


def _names(program: str | None, code: int) -> dict[int, str]:
    if program in TOKEN_PROGRAMS:
        return _TOKEN_NAMES
    if program == SYSTEM:
        return _SYSTEM_NAMES
    if program == _ASSOCIATED:
        return _ASSOCIATED_NAMES
    if program in VENUES or program in HOOK_PROGRAM_IDS:
        if code < min(_ANCHOR):  # neither its own nor Anchor's: of a token program that it called
            return _TOKEN_NAMES
        if code < _CUSTOM:
            return _ANCHOR
        if program in HOOK_PROGRAM_IDS:
            return _HOOK_NAMES
        return _VENUE_NAMES.get(program, SAROS_NAMES)
    return {}


def _text(value: Any) -> str:
    match value:
        case dict():
            return " ".join(f"{name} {one}" for name, one in value.items())
        case None:
            return ""
    return str(value)
