"""All clients of the list, the good ones first."""

from tests.contract.clients_by_others import (
    faulty_downloads,
    faulty_money,
    faulty_polling,
    faulty_reading,
    faulty_secrets,
    faulty_transport,
    good_clients,
)
from tests.contract.clients_by_others.registry import CLIENTS, Entry

LISTED = (
    good_clients,
    faulty_money,
    faulty_polling,
    faulty_downloads,
    faulty_reading,
    faulty_secrets,
    faulty_transport,
)

__all__ = ["CLIENTS", "LISTED", "Entry"]
