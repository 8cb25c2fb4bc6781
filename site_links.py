"""A hook of MkDocs: pages link files of the repository, and the site carries those files.

Links of README and docs/ are written for the repository. On the site, what lies outside docs/ is
below repository/, so that every link leads somewhere, and a strict build checks it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parent
_LINK: Final = re.compile(r"(?<=\]\()(?![a-z]+:|#)(?P<path>[^)\s#]+)(?=[)#])")


def on_files(files: Any, config: Any) -> Any:
    """Add the files that pages link, and those that added pages link in turn."""
    waiting = [place for page in files.documentation_pages() for place in _list_outside(page)]
    while waiting:
        place = waiting.pop()
        if files.get_file_from_path(_locate(place)) is None:
            added = File.generated(config, _locate(place), abs_src_path=str(ROOT / place))
            files.append(added)
            waiting += _list_outside(added) if place.endswith(".md") else []
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Return a page with its links led to where the site has what they name."""
    source = page.file.src_uri
    folder = posixpath.dirname(_find_origin(source))

    def lead(found: re.Match[str]) -> str:
        place = posixpath.normpath(posixpath.join(folder, found["path"]))
        return posixpath.relpath(_locate(place), posixpath.dirname(source) or ".")

    return _LINK.sub(lead, markdown)


def _list_outside(page: Any) -> Iterator[str]:
    """Yield the files of the repository, outside docs/, that a page links."""
    folder = posixpath.dirname(_find_origin(page.src_uri))
    for found in _LINK.finditer(page.content_string):
        place = posixpath.normpath(posixpath.join(folder, found["path"]))
        if not place.startswith("docs/") and (ROOT / place).is_file():
            yield place


def _find_origin(source: str) -> str:
    """Return where in the repository a file of the site is."""
    inside = source.removeprefix("repository/")
    return inside if inside != source else f"docs/{source}"


def _locate(place: str) -> str:
    """Return where the site has a file of the repository."""
    inside = place.removeprefix("docs/")
    return inside if inside != place else f"repository/{place}"
