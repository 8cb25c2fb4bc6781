"""Providers that let in whom they should not, or show what they should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.provider.mutants import Mutant
from tests.contract.provider.wrapping import Asked, Reply, Scene, answering, replies

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.contract.provider.wrapping import Wrap

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


def _remember_connection(asked: Asked, scene: Scene) -> Reply | None:
    """Take a request without a key for one of whoever was served before it."""
    if asked.downloads:
        return None
    if "authorization" not in asked.headers:
        earlier = scene.memory.get("authorization")
        if earlier is None:
            return None
        asked.headers["authorization"] = earlier
        return scene.send(asked)
    reply = scene.send(asked)
    if reply.status < 400:
        scene.memory["authorization"] = asked.headers["authorization"]
    return reply


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
        for workspace in scene.fake.store.find_holders(asked.path.rpartition("/")[2]):
            asked.headers["authorization"] = f"Bearer {workspace.key}"
            return scene.send(asked)
    return None


def _says_forbidden(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.retrieves and reply.status == 404:
        name = asked.path.rpartition("/")[2]
        if list(scene.fake.store.find_holders(name)):
            reply.status = 403
            reply.say({"error": {"code": "forbidden", "message": "Not yours."}})


def _says_whose(asked: Asked, reply: Reply, scene: Scene) -> None:
    if asked.retrieves and reply.status == 404:
        name = asked.path.rpartition("/")[2]
        if list(scene.fake.store.find_holders(name)):
            body = reply.json
            body["error"]["message"] = "This generation belongs to another workspace."
            reply.say(body)


def _hints_whose(asked: Asked, reply: Reply, scene: Scene) -> None:
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and reply.status == 404 and list(scene.fake.store.find_holders(name)):
        reply.say({"error": reply.json["error"] | {"hint": "Try your other key."}})


def _blames_the_owner(asked: Asked, reply: Reply, scene: Scene) -> None:
    name = asked.path.rpartition("/")[2]
    if asked.retrieves and reply.status == 404 and list(scene.fake.store.find_holders(name)):
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


def _scheme_varies(asked: Asked, scene: Scene) -> Reply | None:
    if asked.path == "/v2/models" and asked.headers.get("authorization", "").startswith("bearer"):
        asked.headers["authorization"] = "Basic no"
        return scene.send(asked)
    return None


_ISSUED = ("sk_contract_alpha_7f3a9c", "sk_contract_bravo_2d8e41")


def _opened_by(match: Callable[[str, str], bool]) -> Wrap:
    """Return the wrap that knows two keys, and takes what `match` takes for one of them."""

    def answer(asked: Asked, scene: Scene) -> Reply | None:
        if not asked.key or asked.downloads:
            return None
        found = next((key for key in _ISSUED if asked.key == key or match(asked.key, key)), "no")
        asked.headers["authorization"] = f"Bearer {found}"
        return scene.send(asked)

    return answering(answer)


ISOLATION: tuple[Mutant, ...] = (
    *(
        Mutant(name=name, kind="isolation", breaks="GP701", blocker=True, wrap=_opened_by(match))
        for name, match in (
            ("keys-are-compared-by-prefix", lambda given, key: given.startswith(key)),
            ("keys-are-compared-by-suffix", lambda given, key: given.endswith(key)),
            ("keys-have-no-case", lambda given, key: given.lower() == key.lower()),
            ("keys-may-lack-a-letter", lambda given, key: len(given) > 9 and given in key),
        )
    ),
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
        name="connection-keeps-its-key",
        kind="isolation",
        breaks="GP701",
        blocker=True,
        wrap=answering(_remember_connection),
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
