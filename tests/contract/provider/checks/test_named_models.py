"""GP302 on services: another model of the catalogue fails, another name of one informs."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from getimg_mock.contract.verdicts import judge_check
from getimg_mock.contract.verification.registry import find_check
from tests.contract.provider.fixed_plans import run_plan


@pytest.mark.parametrize(
    ("named", "status"), [("gpt-image-2", "FAIL"), ("the-makers-name-250615", "INFO")]
)
def test_another_model_is_worse_than_another_name(named: str, status: str) -> None:
    """It has another price; that a result says the name of the request is inferred."""
    history = run_plan("an image and its file")
    shown = [
        replace(each, body=json.dumps(each.plain | {"model": named}).encode())
        if each.completed
        else each
        for each in history
    ]
    other = replace(history, exchanges=tuple(shown), own=False)
    assert judge_check(find_check("GP302"), [other], own=False).status == status
