"""What works instead of the fields of the older API and of other vendors' APIs.

One table by purpose: the names that a purpose goes by, and the advice for images and for videos.
That getimg.ai has no `n`, `seed`, `negative_prompt`, webhook or idempotency header is documented
by absence (api facts, section 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from getimg_mock.world.limits import Kind

_NO_PARAMETER: Final = "this API has no such parameter"


class _Purpose(NamedTuple):
    """The names that a purpose goes by, separated by spaces, and the advice for each kind.

    Without `video` the advice is the same for both kinds.
    """

    names: str
    image: str
    video: str = ""


_PURPOSES: Final = (
    _Purpose(
        names="width height size image_size video_size dimensions output_size target_size w h "
        "megapixels max_width max_height",
        image="use aspect_ratio and resolution",
    ),
    _Purpose(
        names="ratio aspect proportions orientation",
        image="use aspect_ratio",
    ),
    _Purpose(
        names="res quality_preset image_resolution video_resolution output_resolution hd upscale",
        image="use resolution",
    ),
    _Purpose(
        names="n num_images num_outputs number_of_images number_of_videos number_results "
        "numimages num_videos samples num_samples batch_size batch_count image_count count "
        "num_images_per_prompt images_per_prompt max_images sample_count variations",
        image="send one request for each image",
        video="send one request for each video",
    ),
    _Purpose(
        names="image image_url image_urls init_image init_images input_image input_images "
        "input_image_url source_image reference_image reference_images references "
        "reference_urls image_reference image_prompt control_image base_image init_image_url "
        "image_base64 image_data attachments",
        image='use images: [{"url": ...}]',
        video='use images: [{"url": ..., "role": "first_frame"}]; '
        "roles: first_frame, last_frame, reference_image",
    ),
    _Purpose(
        names="first_frame first_frame_image first_frame_url first_image start_image "
        "start_image_url start_frame prompt_image img_url keyframes frame_images",
        image='use images: [{"url": ...}]',
        video='use images: [{"url": ..., "role": "first_frame"}]',
    ),
    _Purpose(
        names="last_frame last_frame_image last_frame_url last_image end_image end_image_url "
        "end_frame tail_image image_tail",
        image='use images: [{"url": ...}]',
        video='use images: [{"url": ..., "role": "last_frame"}] with a first_frame',
    ),
    _Purpose(
        names="mask mask_image mask_url inpaint_mask",
        image=f"{_NO_PARAMETER}; describe the change in prompt",
    ),
    _Purpose(
        names="negative_prompt negativeprompt negative_text neg_prompt",
        image=f"{_NO_PARAMETER}; describe the wish in prompt",
    ),
    _Purpose(
        names="style style_preset style_id style_type preset magic_prompt enhance_prompt "
        "prompt_enhance prompt_upsampling prompt_extend expand_prompt camera_fixed "
        "camera_motion motion motion_strength motion_bucket_id movement_amplitude",
        image=f"{_NO_PARAMETER}; describe the wish in prompt",
    ),
    _Purpose(
        names="seed seeds random_seed",
        image=f"{_NO_PARAMETER}; results cannot be repeated by a seed",
    ),
    _Purpose(
        names="steps num_inference_steps num_steps inference_steps sampling_steps guidance "
        "guidance_scale cfg cfg_scale cfgscale image_guidance scheduler sampler "
        "sampling_method strength denoise denoising_strength image_strength prompt_strength "
        "controlnet controlnet_conditioning_scale clip_skip clip_guidance_preset lora loras "
        "lora_scale refiner refine tiling quality background output_compression "
        "output_quality compression_quality input_fidelity acceleration shift eta",
        image=f"{_NO_PARAMETER}; choose another model instead",
    ),
    _Purpose(
        names="safety_checker enable_safety_checker disable_safety_checker safety_tolerance "
        "safe_mode moderation nsfw allow_nsfw watermark add_watermark person_generation",
        image=_NO_PARAMETER,
    ),
    _Purpose(
        names="response_format return_type return_base64 output b64_json as_base64 "
        "response_type result_type",
        image="the answer has a download URL in data[].url; output_format chooses the file type",
        video="the completed answer has a download URL in data[].url",
    ),
    _Purpose(
        names="output_type output_mime_type output_file_format format file_format file_type "
        "image_format extension mime_type media_type",
        image="use output_format: png, jpeg or webp",
        video="leave it out: only images have output_format",
    ),
    _Purpose(
        names="output_format",
        image="",
        video="leave it out: only images have output_format",
    ),
    _Purpose(
        names="engine engine_id model_id model_name modelid model_version version checkpoint",
        image="use model",
    ),
    _Purpose(
        names="text prompts prompt_text positive_prompt text_prompt text_prompts description "
        "caption instructions query messages contents",
        image="use prompt",
    ),
    _Purpose(
        names="duration duration_seconds duration_sec duration_s seconds video_length length "
        "video_duration num_seconds n_seconds",
        image="only videos have duration: POST /v2/videos/generations",
        video="use duration, in whole seconds",
    ),
    _Purpose(
        names="frames num_frames frame_count fps frame_rate framerate frames_per_second",
        image="only videos have frames: POST /v2/videos/generations",
        video="use duration; the model sets the frame rate",
    ),
    _Purpose(
        names="sound audio generate_audio with_audio has_sound has_audio enable_audio "
        "enable_sound audio_enabled mute",
        image="only videos have sound: POST /v2/videos/generations",
        video="use sound: true or false",
    ),
    _Purpose(
        names="webhook webhook_url webhooks callback callback_url notify_url webhook_events",
        image="there are no webhooks: the answer to this request has the image",
        video="there are no webhooks: poll GET /v2/videos/generations/{id}",
    ),
    _Purpose(
        names="async is_async sync sync_mode wait stream partial_images",
        image="this request always answers with the finished image",
        video="this request always answers at once: poll GET /v2/videos/generations/{id}",
    ),
    _Purpose(
        names="idempotency_key request_id client_id external_id user user_id metadata tags "
        "project_id store cache",
        image=f"{_NO_PARAMETER}; keep it on your side, by the id of the answer",
    ),
    _Purpose(
        names="api_key apikey key token access_token authorization",
        image="send the key in the header Authorization: Bearer <key>",
    ),
)

ADVICE: Final[Mapping[Kind, Mapping[str, str]]] = {
    "image": {name: each.image for each in _PURPOSES for name in each.names.split()},
    "video": {name: each.video or each.image for each in _PURPOSES for name in each.names.split()},
}
"""Advice by kind of request and by the field's name in lower case with underscores."""

REFERENCE_ADVICE: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "image",
            "image_url",
            "file_url",
            "source",
            "src",
            "uri",
            "href",
            "link",
            "path",
            "file",
            "data",
            "base64",
            "b64_json",
            "image_base64",
            "image_data",
            "bytes",
        ),
        "use url: a public HTTPS URL or a data URL",
    ),
    **dict.fromkeys(
        ("type", "kind", "purpose", "image_role", "usage", "name"),
        "use role",
    ),
    **dict.fromkeys(
        ("mime_type", "media_type", "content_type", "format"),
        "leave it out: a data URL names its type",
    ),
    **dict.fromkeys(
        ("weight", "strength", "influence", "mask", "detail", "width", "height", "caption"),
        _NO_PARAMETER,
    ),
}
"""Advice for the fields of a reference image."""

_WRAPPER_NAMES: Final = (
    "input inputs parameters params options config settings extra_body extra data body arguments "
    "args payload request generation generation_config image_generation_config image_config "
    "task_args instances"
)

WRAPPERS: Final = frozenset(_WRAPPER_NAMES.split())
"""Names under which other APIs take the fields that this one takes at the top level."""
