"""All clients of the list, the good ones first."""

from tests.contract.clients_by_others import (
    faults_of_files,
    faults_of_orders,
    faults_of_waits,
    faulty_downloads,
    faulty_money,
    faulty_polling,
    faulty_reading,
    faulty_secrets,
    faulty_seen_conduct,
    faulty_seen_money,
    faulty_seen_results,
    faulty_transport,
    good_clients,
    good_seen,
    good_styles,
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
    good_seen,
    faulty_seen_money,
    faulty_seen_conduct,
    faulty_seen_results,
    good_styles,
    faults_of_files,
    faults_of_orders,
    faults_of_waits,
)

__all__ = ["CLIENTS", "LISTED", "Entry"]
