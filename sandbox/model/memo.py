"""The memo program: logs who signed, and a text. Units were measured on the program's binary."""

from sandbox.model.invocation import Invocation, ProgramError

_UNITS_EMPTY, _UNITS_BASE = 132, 174
_UNITS_DIGIT = 13
_UNITS_SIGNED, _UNITS_ASKED, _UNITS_LOGGED = 111, 19, 96
_LEAST_LOG = 100


def memo(call: Invocation) -> None:
    """Run the memo program's only instruction.

    :raises ProgramError: An account did not sign, or the memo is no UTF-8.

    """
    data = call.data
    if call.count:
        call.log("Signed by:")
        call.consume(_UNITS_SIGNED)
        for index in range(call.count):
            call.consume(_UNITS_ASKED)
            if not call.is_signer(index):
                raise ProgramError("MissingRequiredSignature")
            call.log(str(call.key(index)))
            call.consume(_UNITS_LOGGED)
    length = str(len(data))
    call.consume((_UNITS_BASE if data else _UNITS_EMPTY) + _UNITS_DIGIT * (len(length) - 1))
    call.log(f"Memo (len {length})")
    call.consume(max(_LEAST_LOG, len(data)))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ProgramError("ProgramFailedToComplete", text=_utf8_error(data, error)) from error
    call.log(text)


def _utf8_error(data: bytes, error: UnicodeDecodeError) -> str:
    """Word the error as Rust does."""
    if error.reason == "unexpected end of data":
        what = f"incomplete utf-8 byte sequence from index {error.start}"
    else:
        what = f"invalid utf-8 sequence of {error.end - error.start} bytes from index {error.start}"
    return f"{what}: [{', '.join(map(str, data))}]"
