"""Every exception of this project shares one root; refusals of the programs are values, not exceptions."""


class DlmmError(Exception):
    """Root of all our errors: what went wrong, in one line a person can act on."""


class AccountError(DlmmError):
    """Refuse account bytes that are not what they were said to be.

    :arg account: Address or role of the account, as the caller knows it.

    :arg reason: What is wrong: length, discriminator, owner or content.

    """

    def __init__(self, account: str, reason: str) -> None:
        """Keep both values, and name the account first."""
        super().__init__(f"account {account}: {reason}")
        self.account = account
        self.reason = reason


class RangeError(DlmmError):
    """A number outside what the program or its integer types can hold."""
