"""Faults of downloads, by the check that each one was written from."""

from __future__ import annotations

from typing import Final

FILE_FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "GC601": ("key-on-downloads", "cookies-shared", "key-when-refused"),
    "GC602": (
        "truncation-ignored",
        "written-in-place",
        "part-left-under-name",
        "cut-chunks-ignored",
        "appends-the-whole",
        "resumes-anothers-part",
        "cleans-up-after-errors-alone",
        "full-disk-unnoticed",
        "offsets-unread",
    ),
    "GC603": ("any-body-saved", "404-saved", "any-2xx-saved", "emptied-before-it-comes"),
    "GC604": ("expired-regenerates", "expired-untyped", "expired-looks-for-ever"),
    "GC605": ("links-rebuilt", "links-end-by-local-time", "heads-needed"),
    "GC606": ("read-whole", "large-files-refused", "large-videos-refused", "large-files-cut"),
    "GC607": ("resumes-blindly",),
    "GC608": (
        "name-from-server",
        "suffix-from-type",
        "name-from-id",
        "local-files-copied",
        "paths-copied",
    ),
    "GC609": (
        "overwrites",
        "never-overwrites",
        "replaced-in-place",
        "overwrites-though-told-not-to",
        "name-chosen-early",
        "takes-what-is-there",
        "folders-taken-for-files",
        "links-taken-for-files",
        "empty-taken-for-files",
        "first-path-told",
        "path-told-when-gone",
    ),
    "GC610": ("downloads-follow",),
    "GC611": ("html-saved", "json-saved"),
    "GC612": ("no-download-timeout", "part-in-the-way"),
    "GC613": ("first-file-saved", "second-dropped", "moved-by-rename", "wanted-path-told"),
    "GC614": (
        "index-not-in-name",
        "names-by-second",
        "ids-cut-in-names",
        "one-part-for-all",
        "indices-share-a-part",
        "equal-downloads-share-a-part",
        "failure-clears-all-parts",
    ),
}
