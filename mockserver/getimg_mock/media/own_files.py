"""Files of the user's own: what they are, and their bytes."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, UnidentifiedImageError

from getimg_mock.errors import MissingPackageError, SettingsError, UnknownNameError
from getimg_mock.media.file_bytes import FileBytes
from getimg_mock.media.file_formats import FORMATS, MP4, PICTURE_FORMATS
from getimg_mock.patterns import LONGEST_NAME, compile_pattern
from getimg_mock.setting_values import shorten_value
from getimg_mock.world.media_rules import MEDIA_OPERATIONS, MediaFile, MediaRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from getimg_mock.world.generations import Product

RULE_KEYS: Final = ("file", "prompt", "model", "on")
_MOST_FILES: Final = 1000
_LARGEST_SIDE: Final = 16384
_FASTEST: Final = 240
# Larger files are read piece by piece while they are sent.
_KEPT_WHOLE: Final = 8 * 1024 * 1024
_EXTENSIONS: Final = frozenset({".jpeg", *(f".{each.extension}" for each in FORMATS)})


@dataclass(frozen=True, slots=True)
class OwnFile:
    """One version of a file: another size or time of change is another version."""

    path: str
    size: int
    changed: int

    @classmethod
    def find(cls, path: str) -> OwnFile:
        """Return the version of now; raises `SettingsError` for what is not a file."""
        try:
            found = Path(path).stat()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise SettingsError(f"{path} cannot be read: {why}.") from None
        if not Path(path).is_file():
            raise SettingsError(f"{path} is not a file.")
        return cls(path, found.st_size, found.st_mtime_ns)

    def read(self) -> bytes:
        """Return the bytes; those of a large file are read when they are taken."""
        if self.size > _KEPT_WHOLE:
            large: Any = FileBytes(self.path, self.size)
            return large  # type: ignore[no-any-return] # answers take only its length and slices
        return Path(self.path).read_bytes()


def find_own_file(product: Product) -> OwnFile:
    """Return the file of a product; raises `SettingsError` if it is not what it was."""
    if product.recording is not None:
        return find_recorded_file(product.file or "")
    version = OwnFile.find(product.file or "")
    found = _probe(version)
    promised = MediaFile(
        version.path,
        product.mime_type,
        product.width,
        product.height,
        product.duration,
        product.fps,
        product.has_sound,
    )
    if found != promised:
        raise SettingsError(f"{version.path} has changed since it was promised.")
    return version


def find_recorded_file(path: str) -> OwnFile:
    """Return a file that is named after the SHA-256 of its bytes; raises `SettingsError`."""
    version = OwnFile.find(path)
    if compute_sha256(version) != Path(path).stem:
        raise SettingsError(f"{path} is not what was recorded: its SHA-256 is another one.")
    return version


@lru_cache(maxsize=4096)
def compute_sha256(version: OwnFile) -> str:
    """Return the SHA-256 of a file in hexadecimal; raises `SettingsError` if it cannot be read."""
    try:
        with Path(version.path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SettingsError(f"{version.path} cannot be read: {error.strerror}.") from None


def read_media_rule(values: Mapping[str, Any]) -> MediaRule:
    """Return the rule of a table; raises `SettingsError`, with the file that cannot be used."""
    given = _read_criteria(values)
    source = Path(given["file"]).absolute()
    rule = MediaRule(
        str(source),
        tuple(_probe(OwnFile.find(str(each))) for each in _list_files(source)),
        given.get("prompt"),
        given.get("model"),
        given.get("on"),
    )
    if not (rule.list_suitable("image") or rule.list_suitable("video")):
        raise SettingsError(f"{source} has no file that {rule.on} can deliver.")
    return rule


def _read_criteria(values: Mapping[str, Any]) -> dict[str, str]:
    for name, value in values.items():
        if name not in RULE_KEYS:
            raise UnknownNameError("media key", str(name)[:80], RULE_KEYS)
        if value is not None and (not isinstance(value, str) or not value):
            raise SettingsError(f"{name}: {shorten_value(value)} is not a text.")
    given = {name: value for name, value in values.items() if value is not None}
    if "file" not in given:
        raise SettingsError("file is missing: name a picture, an MP4, or a folder with some.")
    if given.get("on", MEDIA_OPERATIONS[0]) not in MEDIA_OPERATIONS:
        raise UnknownNameError("operation with files", given["on"][:80], MEDIA_OPERATIONS)
    if len(given.get("model", "")) > LONGEST_NAME:
        raise SettingsError(f"model: a glob has at most {LONGEST_NAME} characters.")
    try:
        compile_pattern(given.get("prompt", ""))
    except SettingsError as error:
        raise SettingsError(f"prompt: {error}") from None
    return given


def describe_file(path: str) -> MediaFile:
    """Return what a picture or a video is; raises `SettingsError` for what cannot be decoded."""
    return _probe(OwnFile.find(path))


def read_media_rules(tables: Iterable[Mapping[str, Any]]) -> list[MediaRule]:
    """Return the rules of several tables; raises `SettingsError` that says which is wrong."""
    found = []
    for number, each in enumerate(tables):
        try:
            found.append(read_media_rule(each))
        except SettingsError as error:
            raise SettingsError(f"media[{number}]: {error}") from None
    return found


def _list_files(source: Path) -> list[Path]:
    if not source.is_dir():
        return [source]
    try:
        entries = sorted(source.iterdir())
    except OSError as error:
        raise SettingsError(f"{source} cannot be read: {error.strerror}.") from None
    found = [each for each in entries if each.suffix.lower() in _EXTENSIONS]
    if not found:
        raise SettingsError(f"{source} holds no .png, .jpg, .webp or .mp4 file.")
    if len(found) > _MOST_FILES:
        raise SettingsError(f"{source} holds more than {_MOST_FILES:,} files.")
    return found


@lru_cache(maxsize=4096)
def _probe(version: OwnFile) -> MediaFile:
    """Return what a file is; raises `SettingsError` for one that the API could not deliver."""
    file = _probe_picture(version.path) or _probe_video(version.path)
    if max(file.width, file.height) > _LARGEST_SIDE:
        raise SettingsError(
            f"{version.path} is {file.width} x {file.height}: "
            f"the longest side can have {_LARGEST_SIDE} pixels."
        )
    return file


def _probe_picture(path: str) -> MediaFile | None:
    """Return a picture that can be decoded to its end, or None for another kind of file."""
    known = {each.codec: each for each in PICTURE_FORMATS}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.format in known:
                    image.load()
    except UnidentifiedImageError:
        return None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise SettingsError(f"{path} is a broken picture: {str(error)[:200]}.") from None
    if image.format not in known:
        raise SettingsError(f"{path} is {image.format}: use PNG, JPEG, WebP or MP4.")
    return MediaFile(path, known[image.format].mime_type, image.width, image.height)


def _probe_video(path: str) -> MediaFile:
    """Return an MP4 whose first picture can be decoded.

    Raises `MissingPackageError` for what may be one without the extra `video`.
    """
    try:
        import av  # noqa: PLC0415 - an extra, slow to import, and most rules have pictures
    except ModuleNotFoundError:
        raise MissingPackageError(
            f"{path} is not a picture, and videos are read by FFmpeg: "
            "pip install 'getimg-mock[video]'."
        ) from None

    try:
        with av.open(path) as container:
            found = _describe_video(path, container)
    except (av.error.FFmpegError, OSError, ValueError, StopIteration) as error:
        raise SettingsError(
            f"{path} is neither a picture nor a video that can be read: {str(error)[:200]}."
        ) from None
    if found is None:
        raise SettingsError(
            f"{path} is not an MP4 with pictures, a length and at most {_FASTEST} frames a second."
        )
    return found


def _describe_video(path: str, container: Any) -> MediaFile | None:
    """Return what an open container holds, or None for what the API could not deliver."""
    stream = container.streams.best("video")
    if stream is None or "mp4" not in container.format.name.split(","):
        return None
    frame = next(container.decode(stream))
    rate, length = stream.average_rate, stream.duration
    if not rate or not length or not 0 < rate <= _FASTEST:
        return None
    return MediaFile(
        path,
        MP4.mime_type,
        frame.width,
        frame.height,
        _round(float(length * stream.time_base)),
        _round(float(rate)),
        container.streams.best("audio") is not None,
    )


def _round(value: float) -> float:
    """Return a number to a thousandth, whole where it is whole: as the API writes them."""
    rounded = round(value, 3)
    return int(rounded) if rounded.is_integer() else rounded
