"""Small SDKs written to the shape of the official ones, as wheels and tarballs."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONSTANTS = """
import httpx
DEFAULT_TIMEOUT = httpx.Timeout(timeout=300, connect=5.0)
DEFAULT_MAX_RETRIES = 5
INITIAL_RETRY_DELAY = 1.0
MAX_RETRY_DELAY = 10.0
"""
CLIENT = """
class GetimgAI:
    def __init__(self, base_url=None):
        key = os.environ.get("GETIMG_API_KEY")
        base_url = os.environ.get("GETIMG_AI_BASE_URL")
        headers = os.environ.get("GETIMG_AI_CUSTOM_HEADERS")
        if base_url is None:
            base_url = f"https://api.getimg.ai"
"""
BASE_CLIENT = """
class BaseClient:
    def _should_retry(self, response):
        header = response.headers.get("x-should-retry")
        if response.status_code == 408 or response.status_code == 429:
            return True
        return response.status_code >= 500

    def _parse_retry_after_header(self, headers):
        return headers.get("retry-after-ms") or headers.get("retry-after")

    def _calculate_retry_timeout(self, retry_after):
        return retry_after if 0 < retry_after <= 60 else 1
"""
IMAGES = '''
from ..types import image_generate_params
from ..types.image_generate_response import ImageGenerateResponse

class ImagesResource(SyncAPIResource):
    def generate(self, *, model: str, timeout=None) -> ImageGenerateResponse:
        """Generate an image."""
        return self._post(
            "/v2/images/generations",
            body=maybe_transform({"model": model}, image_generate_params.ImageGenerateParams),
            options=make_request_options(timeout=timeout),
            cast_to=ImageGenerateResponse,
        )

class AsyncImagesResource(AsyncAPIResource):
    async def generate(self, *, model: str) -> ImageGenerateResponse:
        return await self._post("/v2/elsewhere", cast_to=ImageGenerateResponse)
'''
PARAMS = '''
from __future__ import annotations
from typing import Iterable
from typing_extensions import Literal, Required, TypedDict

class ImageGenerateParams(TypedDict, total=False):
    model: Required[str]
    output_format: Literal["png", "jpeg"]
    """Output image format."""
    images: Iterable[Image]

class Image(TypedDict, total=False):
    url: Required[str]
    """Publicly accessible HTTPS image URL, at most 10 MiB."""
'''
RESPONSE = """
from typing import Dict, List, Union, Optional
from datetime import datetime
from typing_extensions import Literal, TypeAlias, Annotated
from .._models import BaseModel
from .usage import Usage

class Done(BaseModel):
    id: str
    data: List["Item"]
    status: Literal["completed"]
    usage: Optional[Usage] = None
    extra: Dict[str, int]
    from_: str = FieldInfo(alias="from")

class Failed(BaseModel):
    status: Literal["failed"]
    again: Optional["Failed"] = None

class Item(BaseModel):
    deletes_at: datetime
    width: Optional[int] = None

ImageGenerateResponse: TypeAlias = Annotated[Union[Done, Failed], PropertyInfo(discriminator="x")]
"""
USAGE = """
class Usage(BaseModel):
    total_cost: float
"""

PYTHON = {
    "_client.py": CLIENT,
    "_constants.py": CONSTANTS,
    "_base_client.py": BASE_CLIENT,
    "resources/images.py": IMAGES,
    "types/__init__.py": "",
    "types/image_generate_params.py": PARAMS,
    "types/image_generate_response.py": RESPONSE,
    "types/usage.py": USAGE,
}

NODE = {
    "package.json": json.dumps({"name": "getimg-ai", "version": "0.9.0"}),
    "client.js": """
        constructor({ baseURL = (0, env_1.readEnv)('GETIMG_AI_BASE_URL'), ...opts } = {}) {
            const options = { ...opts, baseURL: baseURL || `https://api.getimg.ai` };
            this.maxRetries = options.maxRetries ?? 5;
            GetimgAI.DEFAULT_TIMEOUT = 300000;
    """,
    "resources/videos/generations.js": """
class Generations extends resource_1.APIResource {
    /** Submit { a } request. */
    create(body, options) {
        return this._client.post('/v2/videos/generations', { body, ...options });
    }
    retrieve(id, options) {
        return this._client.get((0, path_1.path) `/v2/videos/generations/${id}`, options);
    }
}
""",
    "resources/videos/generations.d.ts": """
import { APIResource } from "../../core/resource.js";
import * as ImagesAPI from "../images.js";
import { type Kind as Sort } from '../images.js';
export declare class Generations extends APIResource {
    /** Submit a video; see { braces } */
    create(body: GenerationCreateParams, o?: Options): APIPromise<GenerationCreateResponse>;
    retrieve(id: string, options?: RequestOptions): APIPromise<GenerationRetrieveResponse>;
}
export interface GenerationCreateResponse {
    id: string;
    status: 'pending';
}
export type GenerationRetrieveResponse =
    | GenerationRetrieveResponse.Pending | GenerationRetrieveResponse.Completed;
export declare namespace GenerationRetrieveResponse {
    interface Pending {
        id: string;
        status: 'pending';
    }
    interface Completed {
        data: Array<Completed.Data>;
        sort: Sort;
        status: 'completed';
        usage?: ImagesAPI.Usage;
        more: { [key: string]: number };
        again?: Completed;
    }
    namespace Completed {
        interface Data {
            /**
             * When it is deleted.
             */
            deletes_at: string;
            width?: number | null;
        }
    }
}
export interface GenerationCreateParams {
    model: string;
    images?: Array<GenerationCreateParams.Image>;
    sound?: boolean;
}
export declare namespace GenerationCreateParams {
    interface Image {
        role: 'reference_image' | 'first_frame';
        /** Publicly accessible image URL of at most
         *  10 MiB.
         */
        url: string;
    }
}
""",
    "resources/images.d.ts": """
export interface Usage { total_cost: number; }
export type Kind = 'fast' | 'slow';
""",
}


def write_wheel(path: Path, files: Mapping[str, str] = PYTHON, version: str = "1.0.0") -> Path:
    """Write a wheel of the SDK for Python and return its path."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"getimg/{name}", text)
        archive.writestr(
            f"getimg-{version}.dist-info/METADATA", f"Name: getimg\nVersion: {version}\n"
        )
    return path


def write_tarball(path: Path, files: Mapping[str, str] = NODE, root: str = "package/") -> Path:
    """Write a tarball of the SDK for Node and return its path."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(root + name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path
