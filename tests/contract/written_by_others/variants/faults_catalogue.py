"""Faults of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.contract.written_by_others.messages import Incoming, Outgoing, answer_json
from tests.contract.written_by_others.provider import Provider
from tests.contract.written_by_others.rows import faulty

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Offer

SAME = "Section 6: GET /v2/models/{model} is one such object."


@faulty("catalogue", "major", "Section 6: type filters.")
class VideoFilterShowsAll(Provider):
    """`?type=video` lists all models; `?type=image` is right."""

    def answer_models(self, request: Incoming) -> Outgoing:
        if request.query.get("type") == "video":
            return answer_json([self.list_offer(each) for each in self.offers])
        return super().answer_models(request)


@faulty("catalogue", "major", SAME)
class StalePricesAlone(Provider):
    """A model that is retrieved alone has last month's price of its dearest resolution."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        shown = offer.describe()
        shown["pricing"]["rates"][-1]["unit_price"] = "0.2"
        return shown


@faulty("catalogue", "minor", "Section 6: unit_price is a decimal string.")
class PricesAreNumbersAlone(Provider):
    """In a model that is retrieved alone, unit_price is a number."""

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        shown = offer.describe()
        for rate in shown["pricing"]["rates"]:
            rate["unit_price"] = float(rate["unit_price"])
        return shown


@faulty("catalogue", "minor", "Section 6: created_at is a date-time.")
class CreatedInUnixSeconds(Provider):
    """created_at of one video model is a number of seconds."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        shown = offer.describe()
        return {**shown, "created_at": 1_760_000_000} if offer == self.offers[-1] else shown


@faulty("catalogue", "minor", "Section 6: rates are ordered by price.")
class RatesByName(Provider):
    """Rates are ordered by the name of the resolution."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        shown = offer.describe()
        shown["pricing"]["rates"].sort(key=lambda each: each["resolution"])
        return shown

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        return self.list_offer(offer)


@faulty("catalogue", "minor", "Section 6: an unknown model is 404.")
class ModelsByBeginning(Provider):
    """`GET /v2/models/seedance` answers the first model whose id begins so."""

    def look_up_offer(self, name: str) -> Offer:
        for offer in self.offers:
            if name and offer.id.startswith(name):
                return offer
        return super().look_up_offer(name)


@faulty("catalogue", "minor", "Section 6: the list is a bare array.")
class FilteredListIsWrapped(Provider):
    """With `?type=`, the list is wrapped in an object."""

    def answer_models(self, request: Incoming) -> Outgoing:
        answer = super().answer_models(request)
        if "type" in request.query:
            answer.set_value({"data": answer.value})
        return answer


@faulty("catalogue", "minor", "Section 6: all fields are required; references are an object.")
class NoReferencesIsNull(Provider):
    """supported_references is null for a model that takes none."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        shown = offer.describe()
        return {**shown, "supported_references": shown["supported_references"] or None}


@faulty("catalogue", "major", "Section 6: the first of the list is the default.")
class DefaultIsNotTheFirst(Provider):
    """Without aspect_ratio, the last listed ratio is taken."""

    def choose(self, body: dict[str, Any], name: str, offer: Offer) -> str:
        if name == "aspect_ratio" and name not in body:
            return offer.ratios[-1]
        return super().choose(body, name, offer)


@faulty("catalogue", "major", "Section 6: what is listed is what is accepted.")
class TakesMoreThanItLists(Provider):
    """A duration of 3 seconds is not listed and is accepted."""

    def choose_duration(self, duration: int | None, offer: Offer) -> int:
        return super().choose_duration(duration, replace(offer, durations=(*offer.durations, 3)))


@faulty("catalogue", "major", "Section 6: a model is listed once.")
class ListedTwice(Provider):
    """One model is listed twice, the second time with another price."""

    def answer_models(self, request: Incoming) -> Outgoing:
        answer = super().answer_models(request)
        models = answer.value
        again = {**models[0], "pricing": {"currency": "USD", "rates": []}}
        answer.set_value([*models, again])
        return answer


@faulty("catalogue", "minor", "Section 6: supports_sound says whether a model makes sound.")
class SoundIsDenied(Provider):
    """A model that makes sound and has prices for it says that it supports none."""

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        return {**offer.describe(), "supports_sound": False}

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        return self.list_offer(offer)
