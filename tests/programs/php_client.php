<?php
// A program with the API's address written in it: PHP's curl as it is by default.
const API = "https://api.getimg.ai/v2";
const PICTURE = ["model" => "seedream-5-lite", "prompt" => "A lighthouse"];

function send(string $url, ?array $fields = null, string ...$headers): string|false
{
    $handle = curl_init($url);
    $headers[] = "Authorization: Bearer " . getenv("GETIMG_API_KEY");
    if ($fields !== null) {
        $headers[] = "Content-Type: application/json";
        curl_setopt($handle, CURLOPT_POSTFIELDS, json_encode($fields));
    }
    curl_setopt($handle, CURLOPT_HTTPHEADER, $headers);
    curl_setopt($handle, CURLOPT_RETURNTRANSFER, true);
    return curl_exec($handle);
}

function show(string $what, string $answer): void
{
    echo $what, " ", strlen(send(json_decode($answer)->data[0]->url)), "\n";
}

$lost = send(API . "/images/generations", PICTURE, "X-Mock-Behaviour: fault=reset after_commit");
echo $lost === false ? "lost" : "answered", "\n";
show("picture", send(API . "/images/generations", PICTURE));
$fields = ["model" => "seedance-v1-5-pro", "prompt" => "Waves"];
$video = json_decode(send(API . "/videos/generations", $fields));
show("video", send(API . "/videos/generations/" . $video->id));
