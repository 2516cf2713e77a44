"""Base58 back to bytes: how nodes write instruction data and signatures."""

from connectors.wire.refusal import WireError

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {letter: digit for digit, letter in enumerate(_ALPHABET)}


def decode(text: str, longest: int) -> bytes:
    """Return the bytes that a text stands for.

    :arg longest: Most characters to read: the time grows with their square (700 take 50 us).

    :raises WireError: `base58` for a character outside the alphabet or more than `longest` of them.

    """
    if len(text) > longest:
        raise WireError("base58", f"{len(text)} characters, of at most {longest}")
    number = 0
    try:
        for letter in text:
            number = number * 58 + _DIGITS[letter]
    except KeyError as error:
        raise WireError("base58", f"no digit: {error}") from None
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
