"""Answers depend on seed, key and request, and never on the order of calls."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.api.driver import Driver

requests = st.lists(
    st.tuples(
        st.sampled_from(["image", "video"]),
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from(["sk_a", "sk_b"]),
    ),
    min_size=1,
    max_size=6,
)


def _answers(order: list[tuple[str, str, str]], **settings: Any) -> dict[Any, Any]:
    """Return the final JSON of each request, by request and how often it was made before."""
    api = Driver.of(**settings)
    made: dict[Any, tuple[str, Any]] = {}
    for kind, prompt, key in order:
        body = {"prompt": prompt, "model": MODELS[kind]}
        reply = api.post(f"/v2/{kind}s/generations", body, key=key)
        ordinal = sum(1 for each in made if each[:3] == (kind, prompt, key))
        made[kind, prompt, key, ordinal] = (key, reply.json)
    api.advance(100, "sk_a")
    api.advance(100, "sk_b")
    return {
        name: api.get(f"/v2/videos/generations/{body['id']}", key=key).json
        if name[0] == "video"
        else body
        for name, (key, body) in made.items()
    }


MODELS = {"image": "z-image-turbo", "video": "seedance-v1-5-pro"}


@given(order=requests, data=st.data())
def test_any_order_of_the_same_requests_gives_each_the_same_answer(
    order: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    """Ids, times, links and failures: all the same, to the last byte of the JSON."""
    settings = {"fail_rate": 0.5, "video_seconds": "20..60", "seed": "order"}
    shuffled = data.draw(st.permutations(order))
    assert _answers(order, **settings) == _answers(shuffled, **settings)


def test_another_seed_or_key_gives_other_answers() -> None:
    """Two seeds make two worlds, and two keys two workspaces."""
    ids = set()
    for seed in ("0", "1"):
        for key in ("sk_a", "sk_b"):
            for answer in _answers([("image", "one", key)] * 2, seed=seed).values():
                ids.add(answer["id"])
    assert len(ids) == 8


def test_the_files_are_the_same_too() -> None:
    """Bytes of a picture and of a video, made in two fakes in two orders."""
    files = []
    for kinds in (["image", "video"], ["video", "image"]):
        api = Driver.of(video_seconds=0)
        ids = {
            kind: (api.image(model="z-image-turbo") if kind == "image" else api.video()).json
            for kind in kinds
        }
        links = [
            ids["image"]["data"][0]["url"],
            api.poll(ids["video"]["id"]).json["data"][0]["url"],
        ]
        files.append([api.download(link).body for link in links])
    assert files[0] == files[1]
    assert len(set(files[0])) == 2


def test_ids_look_as_documented_and_never_repeat() -> None:
    """`req-01` and Crockford's letters; a thousand equal requests have a thousand ids."""
    api = Driver.of(balance=10**6)
    ids = [api.image().json["id"] for _ in range(1000)]
    assert len(set(ids)) == 1000
    for each in ids:
        assert each.startswith("req-01")
        assert set(each[6:]) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
