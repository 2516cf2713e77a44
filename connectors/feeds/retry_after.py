"""What a peer asks for in a `Retry-After` header."""

import math
import time
from email.utils import parsedate_to_datetime


def retry_after_s(value: str | None) -> float:
    """Return the seconds to wait: given as such or as a date; 0 where there is none, or none that makes sense."""
    if value is None:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0
