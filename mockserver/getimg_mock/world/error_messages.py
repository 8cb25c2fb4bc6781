"""What getimg.ai says, word for word where that is known (api-facts section 8)."""

from __future__ import annotations

from typing import Final

# Documented.
INCORRECT_KEY: Final = (
    "Incorrect API key provided. "
    "You can manage your API keys at https://getimg.ai/app/developer/api-keys"
)
TOO_MANY_CONCURRENT: Final = (
    "Too many concurrent requests. Please wait for current requests to finish."
)
UPSTREAM_TIMED_OUT: Final = "Upstream provider request timed out."

# Observed.
SOMETHING_WENT_WRONG: Final = "Something went wrong on our end"

# Our choice.
INSUFFICIENT_BALANCE: Final = "Insufficient balance. Please top up your account to continue."
TOO_MANY_REQUESTS: Final = "Rate limit reached. Please wait before sending more requests."
UNSAFE: Final = "The request was rejected by the safety system."
UNFETCHED: Final = "A reference image could not be fetched."
LINK_EXPIRED: Final = "This download URL has expired and the file has been deleted."
