"""The provider: its operations and their answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from tests.contract.written_by_others.accounts import KEY_HELP, Order, Work, Workspace
from tests.contract.written_by_others.files import Files
from tests.contract.written_by_others.messages import (
    Incoming,
    Outgoing,
    RefusedError,
    answer_json,
    refuse_unknown,
    refuse_value,
)

if TYPE_CHECKING:
    from tests.contract.written_by_others.catalogue import Kind, Offer

IMAGES = "/v2/images/generations"
VIDEOS = "/v2/videos/generations"
METHODS = {
    IMAGES: ("POST",),
    VIDEOS: ("POST",),
    "/v2/models": ("GET", "HEAD"),
    "/v2/billing/balance": ("GET", "HEAD"),
    "/v2/billing/costs": ("GET", "HEAD"),
}


class Provider(Files):
    """A provider that follows the facts. A variant overrides one or two of its methods."""

    image_seconds: ClassVar[float] = 0.0

    # The way of a request

    async def respond(self, request: Incoming) -> Outgoing:
        """Answer a request; every refusal and every mishap becomes an error of the API."""
        try:
            answer = await self.route(request)
        except RefusedError as error:
            answer = self.answer_error(error)
        except Exception:  # noqa: BLE001 - a server answers whatever happens
            answer = self.answer_error(RefusedError(500, "server_error", self.mishap))
        return self.finish(request, answer)

    mishap: ClassVar[str] = "Something went wrong on our end"

    def finish(self, request: Incoming, answer: Outgoing) -> Outgoing:
        """Return the answer as it is sent."""
        del request
        return answer

    def frame(self, request: Incoming, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """Return the bytes of the head and the body as they are sent."""
        del request
        return head, body

    def origin(self, request: Incoming) -> str:
        """Return the address that links begin with."""
        return f"http://{request.header('host') or '127.0.0.1'}"

    def answer_error(self, error: RefusedError) -> Outgoing:
        """Answer a refusal."""
        body = {
            "message": error.message,
            "type": "invalid_request_error",
            "param": error.param,
            "code": error.code,
        }
        if error.status == 401:
            body["doc_url"] = KEY_HELP
        answer = answer_json({"error": body}, error.status)
        answer.headers += list(error.headers.items())
        return answer

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Return the methods of a path, none for an unknown one."""
        if path in METHODS:
            return METHODS[path]
        prefixes = ("/v2/models/", f"{VIDEOS}/", "/v2/downloads/")
        known = any(path.startswith(each) and path != each for each in prefixes)
        return ("GET", "HEAD") if known else ()

    async def route(self, request: Incoming) -> Outgoing:
        """Call the operation of a path."""
        allowed = self.allowed_methods(request.path)
        if not allowed:
            raise refuse_unknown()
        if request.method not in allowed:
            allow = {"Allow": ", ".join(allowed)}
            message = f"Method {request.method} is not allowed."
            raise RefusedError(405, "method_not_allowed", message, headers=allow)
        if request.path.startswith("/v2/downloads/"):
            return await self.answer_download(request)
        return await self.operate(request, self.authenticate(request))

    async def operate(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """Call an operation that needs a key."""
        path = request.path
        if path in {IMAGES, VIDEOS}:
            return await self.answer_submission(request, workspace)
        if path == "/v2/models":
            return self.answer_models(request)
        if path == "/v2/billing/balance":
            return self.answer_balance(workspace)
        if path == "/v2/billing/costs":
            return self.answer_costs(workspace, request)
        last = path.rpartition("/")[2]
        if path == f"/v2/models/{last}":
            return answer_json(self.describe_offer(self.look_up_offer(last)))
        if path == f"{VIDEOS}/{last}":
            return self.answer_status(last, workspace, request)
        raise refuse_unknown()

    # Models

    def describe_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is retrieved alone."""
        return offer.describe()

    def list_offer(self, offer: Offer) -> dict[str, Any]:
        """Return a model as it is in the list."""
        return offer.describe()

    def look_up_offer(self, name: str) -> Offer:
        """Return a model by the last part of a path."""
        for offer in self.offers:
            if offer.id == name:
                return offer
        raise refuse_unknown(f"The model '{name}' does not exist.")

    def answer_models(self, request: Incoming) -> Outgoing:
        """Answer the list of models."""
        wanted = request.query.get("type")
        if wanted not in {None, "image", "video"}:
            raise refuse_value(f"Unsupported type '{wanted}'.", "type")
        offers = [each for each in self.offers if wanted in {None, each.type}]
        return answer_json([self.list_offer(each) for each in offers])

    # Generations

    async def answer_submission(self, request: Incoming, workspace: Workspace) -> Outgoing:
        """Answer a request for a generation; the limits are on every answer."""
        kind: Kind = "image" if request.path == IMAGES else "video"
        try:
            work = await self.submit(request, workspace, kind)
        except RefusedError as error:
            self.on_refusal(workspace, kind, error)
            error.headers = {**self.show_limits(workspace, kind), **error.headers}
            raise
        if kind == "image":
            answer = answer_json(self.describe_work(work, self.origin(request)))
        else:
            answer = answer_json({"id": work.id, "status": "pending"}, 202)
        answer.headers += list(self.show_limits(workspace, kind).items())
        return answer

    async def submit(self, request: Incoming, workspace: Workspace, kind: Kind) -> Work:
        """Check an order, start its generation, and wait for it if it is an image."""
        order = self.read_order(self.read_object(request), kind)
        work = self.prepare(order, workspace)
        available = self.compute_balance(workspace) - self.sum_held(workspace)
        if self.compute_cost(work) > available:
            raise RefusedError(402, "quota_exceeded", "Your balance is too low. Please top up.")
        self.check_limits(workspace, kind)
        self.count(workspace, kind)
        workspace.works[work.id] = work
        self.on_submission(work)
        if kind == "image":
            await self.run_image(work)
        return work

    async def run_image(self, work: Work) -> None:
        """Wait until an image is done."""
        if self.image_seconds:
            await asyncio.sleep(self.image_seconds)
        work.ends = self.now()
        self.end(work)

    def prepare(self, order: Order, workspace: Workspace) -> Work:
        """Return the generation of an order."""
        video = order.kind == "video"
        number = next(self.video_numbers) if video else 0
        return Work(
            id=self.make_id(),
            workspace=workspace,
            order=order,
            created=self.now(),
            ends=self.now() + (self.plan_seconds(order) if video else 3600),
            size=self.plan_size(order),
            number=next(self.numbers),
            fails=video and self.plan_failure(number),
            unit_price=self.find_unit_price(order),
            quantity=order.duration if video else 1,
        )

    def describe_work(self, work: Work, origin: str) -> dict[str, Any]:
        """Return a generation as its status shows it."""
        if work.status == "pending":
            return {"id": work.id, "status": "pending"}
        if work.status == "failed":
            return {"id": work.id, "status": "failed", "error": self.describe_failure(work)}
        return {
            "id": work.id,
            "status": "completed",
            "model": work.order.offer.id,
            "data": [self.describe_file(work, origin)],
            "usage": self.show_usage(work),
        }

    def describe_failure(self, work: Work) -> dict[str, Any]:
        """Return the error of a failed generation."""
        del work
        return {"message": "Upstream provider request timed out.", "code": "server_error"}

    def find_status(self, work_id: str, workspace: Workspace) -> Work:
        """Return the video of an id."""
        work = workspace.works.get(work_id)
        if work is None or work.order.kind != "video":
            raise refuse_unknown("The generation was not found.")
        return work

    def answer_status(self, work_id: str, workspace: Workspace, request: Incoming) -> Outgoing:
        """Answer the status of a video."""
        work = self.find_status(work_id, workspace)
        work.polls += 1
        answer = answer_json(self.describe_work(work, self.origin(request)))
        answer.headers += list(self.show_limits(workspace, "video").items())
        return answer
