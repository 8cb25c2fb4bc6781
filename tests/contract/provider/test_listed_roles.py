"""A catalogue may list a role of references of which a model takes none."""

from __future__ import annotations

from typing import Final

from getimg_mock.contract.model_choice import leave_out_zeros, load_shipped_models
from getimg_mock.contract.provider.corpus import build_corpus

ROLES: Final = ("reference_image", "first_frame", "last_frame")


def test_no_plan_orders_by_a_role_that_is_listed_with_zero() -> None:
    """It is as if it were not listed: the plans are those of the shipped catalogue."""
    shipped = load_shipped_models()
    listed = []
    for each in shipped:
        taken = each["supported_references"]
        others = {role: 0 for role in ROLES if role not in taken}
        listed.append(each | {"supported_references": taken | others})
    assert listed != shipped
    plain = [leave_out_zeros(each) for each in listed]
    assert plain == shipped
    assert list(build_corpus(plain)) == list(build_corpus(shipped))
