"""Providers that let in whom they should not, or show what they should not; and rate limits."""

# ruff: noqa: D401 - the docstring of a faulty provider says what is wrong with it

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from collections.abc import Callable

_ANYONE = "sk_anyone_at_all"


def _unlocked(matches: Callable[[Asked], bool]) -> Callable[[Asked, Scene], Reply | None]:
    """Let in whoever comes without a good key, where `matches`."""

    def answer(asked: Asked, scene: Scene) -> Reply | None:
        if matches(asked) and not asked.opens:
            asked.headers["authorization"] = f"Bearer {_ANYONE}"
            return scene.send(asked)
        return None

    return answer


def _missing_is_403(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 401 and "authorization" not in asked.headers:
        reply.status = 403


def _any_scheme(asked: Asked, scene: Scene) -> Reply | None:
    scheme, _, key = asked.headers.get("authorization", "").partition(" ")
    if scheme and key.startswith("sk_"):
        asked.headers["authorization"] = f"Bearer {key}"
        return scene.send(asked)
    return None


def _key_in_query(asked: Asked, scene: Scene) -> Reply | None:
    key = asked.parameters.get("api_key")
    if key and "authorization" not in asked.headers:
        asked.headers["authorization"] = f"Bearer {key}"
        return scene.send(asked)
    return None


def _key_in_header(asked: Asked, scene: Scene) -> Reply | None:
    key = asked.headers.get("x-api-key")
    if key and "authorization" not in asked.headers:
        asked.headers["authorization"] = f"Bearer {key}"
        return scene.send(asked)
    return None


def _key_in_body(asked: Asked, scene: Scene) -> Reply | None:
    body = asked.json
    if asked.submits and isinstance(body, dict) and "authorization" not in asked.headers:
        asked.headers["authorization"] = f"Bearer {body.get('access_token')}"
        return scene.send(asked)
    return None


def _key_in_query_of_orders(asked: Asked, scene: Scene) -> Reply | None:
    return _key_in_query(asked, scene) if asked.submits else None


def _withdrawn_keys_work(asked: Asked, scene: Scene) -> Reply | None:
    if asked.key == "sk_mock_invalid":
        asked.headers["authorization"] = f"Bearer {_ANYONE}"
        return scene.send(asked)
    return None


def _quotes_are_dropped(asked: Asked, scene: Scene) -> Reply | None:
    if asked.key.startswith('"'):
        asked.headers["authorization"] = asked.headers["authorization"].replace('"', "")
        return scene.send(asked)
    return None


def _everyones_jobs(asked: Asked, scene: Scene) -> Reply | None:
    if asked.retrieves:
        for workspace in scene.fake.store.holders(asked.path.rpartition("/")[2]):
            asked.headers["authorization"] = f"Bearer {workspace.key}"
            return scene.send(asked)
    return None


def _says_forbidden(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.retrieves and reply.status == 404:
        name = asked.path.rpartition("/")[2]
        if list(scene.fake.store.holders(name)):
            reply.status = 403
            reply.say({"error": {"code": "forbidden", "message": "Not yours."}})


def _says_whose(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.retrieves and reply.status == 404:
        name = asked.path.rpartition("/")[2]
        if list(scene.fake.store.holders(name)):
            body = reply.json
            body["error"]["message"] = "This generation belongs to another workspace."
            reply.say(body)


def _hints_whose(asked: Asked, reply: Reply, scene: Scene) -> None:
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and reply.status == 404 and list(scene.fake.store.holders(name)):
        reply.say({"error": reply.json["error"] | {"hint": "Try your other key."}})


def _blames_the_owner(asked: Asked, reply: Reply, scene: Scene) -> None:
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and reply.status == 404 and list(scene.fake.store.holders(name)):
        reply.say({"error": reply.json["error"] | {"param": "owner"}})


def _validates_first(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and not asked.key:
        asked.headers["authorization"] = f"Bearer {_ANYONE}"
        reply = scene.send(asked)
        if reply.status == 400:
            return reply
        del asked.headers["authorization"]
    return None


def _echo_key_in_error(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 400 and asked.key and reply.json:
        body = reply.json
        body["error"]["key"] = asked.key
        reply.say(body)


def _echo_key_in_header(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if asked.opens:
        reply.headers["x-account"] = asked.key


def _key_in_link(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.completed:
        body = reply.json
        body["data"][0]["url"] += f"&key={asked.key}"
        reply.say(body)


def _refused_keys_cost(asked: Asked, reply: Reply, scene: Scene) -> None:
    if reply.status == 401 and asked.submits:
        for workspace in scene.fake.store:
            workspace.limiter.admit("video", workspace.clock.now(), running=0)


def _shared_limit(asked: Asked, scene: Scene) -> Reply | None:
    if asked.submits and "images" in asked.path and asked.opens:
        workspaces = [each for each in scene.fake.store if each.key != asked.key]
        for workspace in workspaces:
            allowance = workspace.allowance("image")
            if not allowance.remaining:
                asked.headers["authorization"] = f"Bearer {workspace.key}"
                return scene.send(asked)
    return None


def _scheme_varies(asked: Asked, scene: Scene) -> Reply | None:
    if asked.path == "/v2/models" and asked.headers.get("authorization", "").startswith("bearer"):
        asked.headers["authorization"] = "Basic no"
        return scene.send(asked)
    return None


ISOLATION: tuple[Mutant, ...] = (
    *(
        Mutant(
            name=f"{name}-without-key",
            kind="isolation",
            breaks="GP701",
            blocker=True,
            wrap=answering(_unlocked(matches)),
        )
        for name, matches in {
            "models": lambda asked: asked.path == "/v2/models",
            "one-model": lambda asked: asked.path.startswith("/v2/models/"),
            "balance": lambda asked: asked.path == "/v2/billing/balance",
            "costs": lambda asked: asked.path == "/v2/billing/costs",
            "images": lambda asked: asked.path == "/v2/images/generations",
            "videos": lambda asked: asked.path == "/v2/videos/generations",
            "status": lambda asked: asked.retrieves,
        }.items()
    ),
    Mutant(
        name="no-key-is-403",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=replies(_missing_is_403),
    ),
    Mutant(
        name="any-scheme-will-do",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=answering(_any_scheme),
    ),
    Mutant(
        name="key-in-the-query", kind="isolation", breaks="GP704", wrap=answering(_key_in_query)
    ),
    Mutant(
        name="key-in-another-header",
        kind="isolation",
        breaks="GP704",
        wrap=answering(_key_in_header),
    ),
    Mutant(name="key-in-the-body", kind="isolation", breaks="GP704", wrap=answering(_key_in_body)),
    Mutant(
        name="key-in-the-query-of-an-order",
        kind="isolation",
        breaks="GP704",
        wrap=answering(_key_in_query_of_orders),
    ),
    Mutant(
        name="withdrawn-keys-still-work",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=answering(_withdrawn_keys_work),
    ),
    Mutant(
        name="quoted-keys-work",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=answering(_quotes_are_dropped),
    ),
    Mutant(
        name="everyone-sees-every-job",
        kind="isolation",
        breaks="GP702",
        blocker=True,
        wrap=answering(_everyones_jobs),
    ),
    Mutant(
        name="tells-that-a-job-exists",
        kind="isolation",
        breaks="GP702",
        blocker=True,
        wrap=replies(_says_forbidden),
    ),
    Mutant(
        name="says-that-a-job-is-anothers",
        kind="isolation",
        breaks="GP702",
        blocker=True,
        wrap=replies(_says_whose),
    ),
    Mutant(
        name="hints-that-a-job-is-anothers",
        kind="isolation",
        breaks="GP702",
        blocker=True,
        wrap=replies(_hints_whose),
    ),
    Mutant(
        name="blames-the-owner-of-a-job",
        kind="isolation",
        breaks="GP702",
        blocker=True,
        wrap=replies(_blames_the_owner),
    ),
    Mutant(
        name="validates-before-the-key",
        kind="isolation",
        breaks="GP703",
        wrap=answering(_validates_first),
    ),
    Mutant(
        name="echoes-the-key-in-errors",
        kind="isolation",
        breaks="GP705",
        blocker=True,
        wrap=replies(_echo_key_in_error),
    ),
    Mutant(
        name="echoes-the-key-in-a-header",
        kind="isolation",
        breaks="GP705",
        blocker=True,
        wrap=replies(_echo_key_in_header),
    ),
    Mutant(
        name="key-in-the-link",
        kind="isolation",
        breaks="GP411",
        blocker=True,
        wrap=replies(_key_in_link),
    ),
    Mutant(
        name="refused-keys-use-up-quota",
        kind="isolation",
        breaks="GP706",
        wrap=replies(_refused_keys_cost),
    ),
    Mutant(
        name="scheme-depends-on-the-path",
        kind="isolation",
        breaks="GP707",
        wrap=answering(_scheme_varies),
    ),
)


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
        before = limiter.counts()
        limiter.restore({})
        scene.send(asked)
        limiter.restore(before)


def _works_for_nothing(asked: Asked, reply: Reply, scene: Scene) -> None:
    """A 429 is answered, but the picture is made, and the money given back."""
    if asked.submits and reply.status == 429 and "images" in asked.path:
        workspace = scene.workspace(asked.key)
        before = workspace.limiter.counts()
        workspace.limiter.restore({})
        made = scene.send(asked).json
        workspace.limiter.restore(before)
        cost, now = Decimal(str(made["usage"]["total_cost"])), workspace.clock.now()
        workspace.ledger.refund(made["id"], cost, now, now)


def _counts_only(asked: Asked, scene: Scene) -> Reply:
    reply = scene.send(asked)
    if asked.submits and reply.status == 429 and "retry-after" in reply.headers:
        limiter = scene.workspace(asked.key).limiter
        before = limiter.counts()
        limiter.restore({})
        reply = scene.send(asked)
        limiter.restore(before)
        reply.headers["x-ratelimit-remaining"] = "0"
    return reply


def _limits_reads(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.method == "GET" and asked.opens:
        allowance = scene.workspace(asked.key).allowance("image")
        if not allowance.remaining:
            reply.status = 429
            reply.say({"error": {"code": "rate_limit", "message": "Slow down."}})


def _waits_in_vain(asked: Asked, reply: Reply, _scene: Scene) -> None:
    if reply.status == 429 and "retry-after" in reply.headers:
        reply.headers["retry-after"] = "1"
    del asked


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
        )
    ),
    Mutant(name="no-limit-at-all", kind="rate", breaks="GP603", wrap=answering(_never_limits)),
    Mutant(
        name="counts-but-never-limits", kind="rate", breaks="GP603", wrap=answering(_counts_only)
    ),
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
