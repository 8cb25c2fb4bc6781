"""What every request to a paid service passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from getimg_mock.contract.plans import Plan
    from getimg_mock.contract.steps import Send
    from getimg_mock.contract.targets.execution import PreparedRequest, ReceivedResponse


class Gate(Protocol):
    """A gate that every request to a paid service passes."""

    def find_obstacle(self, plan: Plan) -> str:
        """Return why the budget does not allow a plan, or an empty text."""

    def before_request(self, sent: PreparedRequest, step: Send) -> None:
        """Reserve what the request can cost; raises `RefusedError` where that does not fit."""

    def after_request(
        self, sent: PreparedRequest, step: Send, received: ReceivedResponse | None
    ) -> None:
        """Book what the request cost, as far as the answer says; `received` is None for none."""

    def settle(self) -> None:
        """Compare the books with the balance of the service, after a plan."""

    def is_owed(self) -> bool:
        """Return whether a balance has yet to show what results said they cost; reads it anew."""
