"""A program of the official SDK: one client has the API's address written in it, one has none."""

import sys

import getimg
import httpx

pictures = getimg.GetimgAI(base_url="https://api.getimg.ai", max_retries=0).images
videos = getimg.GetimgAI().videos.generations
LOSE = {"X-Mock-Behaviour": "fault=reset after_commit"}


def show(what: str, url: str) -> None:
    """Print the size of what a link leads to."""
    sys.stdout.write(f"{what} {len(httpx.get(url, timeout=30).content)}\n")


try:
    pictures.generate(model="seedream-5-lite", prompt="A lighthouse", extra_headers=LOSE)
except getimg.APIConnectionError:
    sys.stdout.write("lost\n")
made = pictures.generate(model="seedream-5-lite", prompt="A lighthouse")
show("picture", made.data[0].url)
submitted = videos.create(model="seedance-v1-5-pro", prompt="Waves")
finished = videos.retrieve(submitted.id)
assert finished.status == "completed"
show("video", finished.data[0].url)
