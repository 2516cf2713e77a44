"""Token amounts as a node writes them."""


def ui_amount(amount: int, decimals: int) -> dict[str, object]:
    """Write raw units of a token: as they are, and in whole tokens."""
    text = f"{amount:0{decimals + 1}d}"
    if decimals:
        text = f"{text[:-decimals]}.{text[-decimals:]}".rstrip("0").rstrip(".")
    return {"amount": str(amount), "decimals": decimals, "uiAmount": amount / 10**decimals, "uiAmountString": text}
