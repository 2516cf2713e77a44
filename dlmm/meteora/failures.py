"""The failures that a swap on Meteora can meet: the program's codes, and its names for them."""

INSUFFICIENT_FUNDS = 1
NOT_ENOUGH_ARRAYS = 3005
ARRAY_NOT_INITIALISED = 3007
INVALID_INPUT = 6002
SLIPPAGE = 6003
OUT_OF_BINS = 6012
MATH_OVERFLOW = 6018
TYPE_CAST_FAILED = 6019
EXTENSION_NOT_PROVIDED = 6036
NO_ARRAY_WITH_LIQUIDITY = 6037
NO_AMOUNT_OUT = 6039
POOL_DISABLED = 6042
NOT_EXACT_AMOUNT_OUT = 6057
UNDETERMINED = 6085
INSUFFICIENT_IN_AMOUNT = 6104
OUT_OF_COMPUTE_UNITS = -3

NAMES = {
    INSUFFICIENT_FUNDS: "InsufficientFunds",
    NOT_ENOUGH_ARRAYS: "AccountNotEnoughKeys",
    ARRAY_NOT_INITIALISED: "AccountOwnedByWrongProgram",
    INVALID_INPUT: "InvalidInput",
    SLIPPAGE: "ExceededAmountSlippageTolerance",
    OUT_OF_BINS: "PairInsufficientLiquidity",
    MATH_OVERFLOW: "MathOverflow",
    TYPE_CAST_FAILED: "TypeCastFailed",
    EXTENSION_NOT_PROVIDED: "BitmapExtensionAccountIsNotProvided",
    NO_ARRAY_WITH_LIQUIDITY: "CannotFindNonZeroLiquidityBinArrayId",
    NO_AMOUNT_OUT: "InsufficientOutAmount",
    POOL_DISABLED: "PoolDisabled",
    NOT_EXACT_AMOUNT_OUT: "NotExactAmountOut",
    UNDETERMINED: "UndeterminedError",
    INSUFFICIENT_IN_AMOUNT: "InsufficientInAmount",
    OUT_OF_COMPUTE_UNITS: "OutOfComputeUnits",
}
"""Names by code."""
