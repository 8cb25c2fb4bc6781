"""Hypothesis strategies for plans: valid requests, requests with one known fault, sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from getimg_mock.contract.provider.plan_drawing import build_plan, build_refusal, build_submission
from getimg_mock.contract.provider.request_strategies import built

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis import strategies as st

    from getimg_mock.contract.model_choice import ModelJson
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send


def submissions(models: Sequence[ModelJson]) -> st.SearchStrategy[Send]:
    """Draw a request for a generation that must be accepted."""
    return built(build_submission, models)


def faulty(models: Sequence[ModelJson]) -> st.SearchStrategy[Send]:
    """Draw a request with exactly one known fault, which must be refused."""
    return built(build_refusal, models)


def plans(models: Sequence[ModelJson]) -> st.SearchStrategy[Plan]:
    """Draw a sequence: submissions good and bad by two keys, polls, downloads and steps of time."""
    return built(build_plan, models)
