"""Base58 of bytes of any length; keys and signatures have their own, faster types."""

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_INDEX = {digit: i for i, digit in enumerate(ALPHABET)}


def encode(data: bytes) -> str:
    """Write bytes in base58."""
    number, digits = int.from_bytes(data, "big"), []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + "".join(reversed(digits))


def decode(text: str) -> bytes:
    """Read base58.

    :raises ValueError: There is a character that base58 has not.

    """
    number = 0
    for digit in text:
        if digit not in _INDEX:
            raise ValueError(f"{digit!r} is no digit of base58")
        number = number * 58 + _INDEX[digit]
    return b"\0" * (len(text) - len(text.lstrip("1"))) + number.to_bytes((number.bit_length() + 7) // 8, "big")
