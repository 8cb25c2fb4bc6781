"""A short way for most image requests: valid, whole, answered at once, and changed by nothing.

It does what `api.endpoints` does for them, without the steps that such requests do not need. Where
anything else may apply it declines before it has changed anything, and the long way answers. A test
compares both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from getimg_mock.api.formatting import format_unix_timestamp
from getimg_mock.api.links import read_client_address
from getimg_mock.api.messages import encode_string
from getimg_mock.api.plain_heads import PlainHead, PlainWay
from getimg_mock.api.replaying import (
    build_plain_product,
    build_result_template,
    find_plain_job,
    find_replay_key,
    render_result,
)
from getimg_mock.api.submissions import LINK, build_named_template, render_generation
from getimg_mock.errors import Refusal
from getimg_mock.world.clock import stopwatch, wall_seconds
from getimg_mock.world.finished_images import finishes_at_once, submit_finished
from getimg_mock.world.generations import compute_expiry
from getimg_mock.world.operations import OPERATIONS
from getimg_mock.world.pricing import compute_product
from getimg_mock.world.requests import hash_fields
from getimg_mock.world.validation import build_plain_image, parse_plain_image

if TYPE_CHECKING:
    from getimg_mock.api.access_log import AccessLog
    from getimg_mock.api.messages import Call
    from getimg_mock.api.plain_heads import PlainSender
    from getimg_mock.fake import Fake
    from getimg_mock.world.finished_images import FinishedImage
    from getimg_mock.world.generations import Generation, Product
    from getimg_mock.world.replayed_jobs import ReplayedJob
    from getimg_mock.world.workspaces import Workspace

_MOST_ORDERS: Final = 1000
_MOST_BODIES: Final = 4096
_SHORT_BODY: Final = 4096
"""Bytes of the longest body that is kept."""

_NAMED: Final = ("%(id)s", "%(link)s", "%(deletes_at)s")


class PlainOrder(NamedTuple):
    """What requests that differ in their prompts alone order, and the JSON of its answer.

    `job` is what is replayed, None for an image that the fake generates. Its template is that of
    the recorded answer, None for one that has to be rendered otherwise.
    """

    product: Product
    template: str | None
    job: ReplayedJob | None = None


class PlainImages(PlainWay):
    """Answers image requests of a fake, or declines them."""

    operation = OPERATIONS["images.generate"].name
    method = "POST"
    kind = "image"

    def __init__(self, fake: Fake, log: AccessLog) -> None:
        super().__init__(fake, log)
        self._limit = fake.settings.max_body_mib * 1024 * 1024
        self._orders: dict[tuple[str | None, ...], PlainOrder] = {}
        # By the id of a job, of which the cassette has few enough to keep each.
        self._recorded: dict[int, PlainOrder] = {}
        # What bodies that were replayed say, and the keys of their counts: replays are repeated.
        self._bodies: dict[bytes, tuple[dict[str, Any], bytes]] = {}
        self._submit = self._submit_new if fake.recordings is None else self._submit_recorded

    def build_head(self, call: Call, key: str) -> ImageHead | None:
        """Return the head of a call; None for another type of content, and for an odd address."""
        address = read_client_address(
            call.scope, trust_forwarded=self.fake.settings.trust_forwarded
        )
        is_json = call.fields.get(b"content-type") == b"application/json"
        # Links are put into JSON as they are.
        is_plain = encode_string(address) == f'"{address}"'
        return ImageHead(self, call, key, address) if is_json and is_plain else None

    def submit(self, workspace: Workspace, body: bytes) -> tuple[PlainOrder, FinishedImage] | None:
        """Submit the generation; return None for a body that has to go the long way.

        Raises the `Refusal` of a submission that is refused. Neither changes anything.
        """
        if (
            len(workspace.scenarios)
            or len(body) > self._limit
            or b"mock:" in body
            or not finishes_at_once(workspace)
        ):
            return None
        return self._submit(workspace, body)

    def _submit_new(
        self, workspace: Workspace, body: bytes
    ) -> tuple[PlainOrder, FinishedImage] | None:
        value = parse_plain_image(body)
        if value is None:
            return None
        find = value.get
        options = (value["model"], find("aspect_ratio"), find("resolution"), find("output_format"))
        order = self._orders.get(options) or self._read_order(options, value)
        if order is None:
            return None
        canonical = hash_fields("image", value)
        return order, submit_finished(workspace, order.product, value["prompt"], canonical)

    def _read_order(
        self, options: tuple[str | None, ...], value: dict[str, Any]
    ) -> PlainOrder | None:
        request = build_plain_image(value, self.fake.catalogue)
        if request is None:
            return None
        if len(self._orders) >= _MOST_ORDERS:
            self._orders.clear()
        product = compute_product(request)
        order = self._orders[options] = PlainOrder(product, build_named_template(product, *_NAMED))
        return order

    def _submit_recorded(
        self, workspace: Workspace, body: bytes
    ) -> tuple[PlainOrder, FinishedImage] | None:
        read = self._bodies.get(body) or self._read_body(body)
        if read is None:
            return None
        value, key = read
        with workspace.lock:
            job = find_plain_job(self.fake, workspace, key)
            if job is None:
                return None
            order = self._recorded.get(id(job)) or self._read_recorded(job, value)
            image = submit_finished(
                workspace, order.product, value["prompt"], job.identity, retention=job.retention
            )
            ordinals = workspace.ordinals
            ordinals[key] = ordinals.get(key, 0) + 1
        return order, image

    def _read_body(self, body: bytes) -> tuple[dict[str, Any], bytes] | None:
        value = parse_plain_image(body)
        if value is None:
            return None
        read = value, find_replay_key(self.fake, value)
        if len(body) <= _SHORT_BODY:
            if len(self._bodies) >= _MOST_BODIES:
                self._bodies.clear()
            self._bodies[body] = read
        return read

    def _read_recorded(self, job: ReplayedJob, value: dict[str, Any]) -> PlainOrder:
        product = build_plain_product(self.fake.catalogue, value, job)
        template = build_result_template(job) if product.files == 1 else None
        order = PlainOrder(product, template, job)
        if job.product is not None:  # else the product is that of this request
            self._recorded[id(job)] = order
        return order


class ImageHead(PlainHead):
    """A head of image requests."""

    __slots__ = ("_address",)

    way: PlainImages

    def __init__(self, way: PlainImages, call: Call, key: str, address: str) -> None:
        super().__init__(way, call, key)
        self._address = address

    def answer(self, body: bytes, send: PlainSender) -> bool:
        """Answer a request with this head and return True; else return False, and change nothing.

        `send` sends a whole answer at once.
        """
        started, wall = stopwatch(), wall_seconds()
        workspace = self.fake.store.get_or_create(self.key)
        try:
            submitted = self.way.submit(workspace, body)
        except Refusal:
            return False
        if submitted is None:
            return False
        order, (made, at, effects, remaining) = submitted
        moment = self.find_moment(workspace, at)
        template, job = order.template, order.job
        if template is None:
            text = self._render_recorded(workspace, order.product, workspace.generations[made])
        else:
            expires = moment.expires
            if job is not None and job.retention is not None:
                expires = compute_expiry(at, job.retention)
            values = {
                "id": made,
                "link": self._build_link(workspace, made, 0, expires),
                "deletes_at": format_unix_timestamp(expires),
            }
            text = (template % values).encode()
        send(moment, remaining, text)
        self.finish(
            workspace, (self, moment, at, wall, body, made, remaining, text, effects), started
        )
        return True

    def _build_link(self, workspace: Workspace, made: str, index: int, expires: int) -> str:
        signature = workspace.sign_link(made, index, expires)
        return f"{self._address}{LINK % (made, index)}?exp={expires}&sig={signature}"

    def _render_recorded(
        self, workspace: Workspace, product: Product, generation: Generation
    ) -> bytes:
        made, expires = generation.id, generation.expires or 0
        links = [self._build_link(workspace, made, each, expires) for each in range(product.files)]
        recorded = render_result(self.fake.recordings, generation, links)
        if recorded is not None:
            return recorded
        return render_generation(product, made, links[0], expires)
