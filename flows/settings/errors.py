"""What is wrong with a setting, in one line that names it."""

from dlmm.errors import DlmmError


class SettingsError(DlmmError):
    """Refuse a setting, or the file that holds it.

    :arg path: The key's path, such as `risk_limits.max_drawdown`; the file's name where the file itself is wrong.

    :arg reason: What was found and what is allowed.

    """

    def __init__(self, path: str, reason: str) -> None:
        """Keep both values as the arguments, so that the error pickles."""
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        """Name the key first."""
        return f"{self.path}: {self.reason}"
