"""A client that keeps the whole contract, synchronous and asynchronous, with switchable faults.

The logic is written once, as generators that yield what is to be sent or slept: `submissions`,
`polling`, `lookups` and `downloads` hold what callers can ask for, and stand on `reading`,
`requests`, `retries` and `answers`. `clients` has the two carriers. `core.faulty("name")` asks
whether a fault is switched on; `faulty("name")` makes the client that has it.
"""

from tests.contract.clients.reference.clients import (
    AsyncReferenceClient,
    ReferenceClient,
    faulty,
)

__all__ = ["AsyncReferenceClient", "ReferenceClient", "faulty", "make", "make_async"]

make = ReferenceClient
make_async = AsyncReferenceClient
