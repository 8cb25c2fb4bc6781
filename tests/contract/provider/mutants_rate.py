"""Providers whose rate limits do not hold, or are not what their headers say."""

# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from collections.abc import Callable


def _shared_limit(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and "images" in asked.path and asked.opens:
        workspaces = [each for each in scene.fake.store if each.key != asked.key]
        for workspace in workspaces:
            allowance = workspace.compute_allowance("image")
            if not allowance.remaining:
                asked.headers["authorization"] = f"Bearer {workspace.key}"
                return scene.send(asked)
    return None


def _no_headers(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    for name in [name for name in reply.headers if name.startswith("x-ratelimit")]:
        del reply.headers[name]


def _header(name: str, value: Callable[[str], str]) -> Callable[[Asked, Reply, Scene], None]:
    def change(_asked: Asked, reply: Reply, _scene: Scene) -> None:
        full = f"x-ratelimit-{name}"
        if full in reply.headers:
            reply.headers[full] = value(reply.headers[full])

    return change


def _rises(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.submits and "x-ratelimit-remaining" in reply.headers:
        count = scene.memory[asked.key] = scene.memory.get(asked.key, 0) + 1
        limit = int(reply.headers["x-ratelimit-limit"])
        reply.headers["x-ratelimit-remaining"] = str(min(limit, count))


def _never_counts(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if "x-ratelimit-remaining" in reply.headers and reply.status != 429:
        reply.headers["x-ratelimit-remaining"] = reply.headers["x-ratelimit-limit"]
    del asked


def _never_limits(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and asked.opens:
        scene.workspace(asked.key).limiter.restore({})
    return None


def _no_hint(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 429:
        for name in ("retry-after", "x-ratelimit-reset"):
            reply.headers.pop(name, None)


def _past_reset(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 429:
        reply.headers.pop("retry-after", None)
        reply.headers["x-ratelimit-reset"] = "1000000000"


def _text_429(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 429:
        reply.say({"detail": "slow down"})


def _works_anyway(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A 429 is answered, but the work is done."""
    if asked.submits and reply.status == 429:
        limiter = scene.workspace(asked.key).limiter
        before = limiter.get_counts()
        limiter.restore({})
        scene.send(asked)
        limiter.restore(before)


def _works_for_nothing(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A 429 is answered, but the picture is made, and the money given back."""
    if asked.submits and reply.status == 429 and "images" in asked.path:
        workspace = scene.workspace(asked.key)
        before = workspace.limiter.get_counts()
        workspace.limiter.restore({})
        made = scene.send(asked).json
        workspace.limiter.restore(before)
        cost, now = Decimal(str(made["usage"]["total_cost"])), workspace.clock.now()
        workspace.ledger.refund(made["id"], cost, now, now)


def _counts_only(asked: Asked, scene: Scene) -> Reply:
    reply = scene.send(asked)
    if asked.submits and reply.status == 429 and "retry-after" in reply.headers:
        limiter = scene.workspace(asked.key).limiter
        before = limiter.get_counts()
        limiter.restore({})
        reply = scene.send(asked)
        limiter.restore(before)
        reply.headers["x-ratelimit-remaining"] = "0"
    return reply


def _limits_reads(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.method == "GET" and asked.opens:
        allowance = scene.workspace(asked.key).compute_allowance("image")
        if not allowance.remaining:
            reply.status = 429
            reply.say({"error": {"code": "rate_limit", "message": "Slow down."}})


def _waits_in_vain(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 429 and "retry-after" in reply.headers:
        reply.headers["retry-after"] = "1"
    del asked


def _reset_in_ms_on_polls(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.retrieves and "x-ratelimit-reset" in reply.headers:
        reply.headers["x-ratelimit-reset"] += "000"


def _left_on_polls(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.retrieves and "x-ratelimit-reset" in reply.headers:
        now = scene.workspace(asked.key).clock.now().timestamp()
        left = int(reply.headers["x-ratelimit-reset"]) - int(now)
        reply.headers["x-ratelimit-reset"] = str(left)


def _takes_two(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if "x-ratelimit-remaining" in reply.headers and reply.status != 429:
        limit = int(reply.headers["x-ratelimit-limit"])
        left = limit - 2 * (limit - int(reply.headers["x-ratelimit-remaining"]))
        reply.headers["x-ratelimit-remaining"] = str(max(0, left))


def _weighs_pixels(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A picture in 4K takes four from the window, and not one."""
    place = f"{asked.key} {asked.path} {reply.headers.get('x-ratelimit-reset')}"
    if not asked.submits or reply.status != 200:
        return
    taken = scene.memory.get(place, 0)
    reply.headers["x-ratelimit-remaining"] = str(
        max(0, int(reply.headers["x-ratelimit-remaining"]) - taken)
    )
    scene.memory[place] = taken + 3 * (b"4K" in asked.body)


def _one_more(asked: Asked, scene: Scene) -> Reply | None:
    """Serves one request more than the limit in each window."""
    if not (asked.submits and asked.opens):
        return None
    reply = scene.send(asked)
    reset = reply.headers.get("x-ratelimit-reset")
    if reply.status == 429 and scene.memory.get(f"{asked.key} {asked.path}") != reset:
        scene.memory[f"{asked.key} {asked.path}"] = reset
        kept = scene.workspace(asked.key).limiter.get_counts()
        scene.workspace(asked.key).limiter.restore({})
        shown = {n: v for n, v in reply.headers.items() if n.startswith("x-ratelimit")}
        reply = scene.send(asked)
        scene.workspace(asked.key).limiter.restore(kept)
        reply.headers |= shown
    return reply


def _retry_in_ms(_asked: Asked, reply: Reply, _scene: Scene) -> None:
    if "retry-after" in reply.headers:
        reply.headers["retry-after"] += "000"


RATE: tuple[Mutant, ...] = (
    *(
        Mutant(name=name, kind="rate", breaks=breaks, wrap=replies(change))
        for name, breaks, change in (
            ("no-rate-headers", "GP601", _no_headers),
            (
                "remaining-above-limit",
                "GP601",
                _header("remaining", lambda text: str(int(text) + 10**7)),
            ),
            ("limit-is-a-text", "GP601", _header("limit", lambda text: f"{text}/min")),
            ("reset-is-fractional", "GP601", _header("reset", lambda text: f"{text}.5")),
            ("remaining-rises", "GP602", _rises),
            ("remaining-never-falls", "GP602", _never_counts),
            ("429-without-hint", "GP604", _no_hint),
            ("429-with-past-reset", "GP604", _past_reset),
            ("429-outside-the-envelope", "GP603", _text_429),
            ("reads-are-limited", "GP606", _limits_reads),
            ("retry-after-too-short", "GP604", _waits_in_vain),
            ("retry-after-in-milliseconds", "GP604", _retry_in_ms),
            ("polls-show-reset-in-milliseconds", "GP607", _reset_in_ms_on_polls),
            ("polls-show-the-seconds-left", "GP607", _left_on_polls),
            ("each-submission-takes-two", "GP602", _takes_two),
            ("large-pictures-take-four", "GP602", _weighs_pixels),
        )
    ),
    Mutant(name="no-limit-at-all", kind="rate", breaks="GP603", wrap=answering(_never_limits)),
    Mutant(
        name="counts-but-never-limits", kind="rate", breaks="GP603", wrap=answering(_counts_only)
    ),
    Mutant(name="one-more-than-the-limit", kind="rate", breaks="GP603", wrap=answering(_one_more)),
    Mutant(name="limit-shared-by-all", kind="rate", breaks="GP606", wrap=answering(_shared_limit)),
    Mutant(
        name="429-does-the-work",
        kind="rate",
        breaks="GP605",
        blocker=True,
        wrap=replies(_works_anyway),
    ),
    Mutant(
        name="429-makes-a-picture-for-nothing",
        kind="rate",
        breaks="GP605",
        blocker=True,
        wrap=replies(_works_for_nothing),
    ),
)
