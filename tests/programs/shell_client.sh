# shell_client.sh curl|wget: a program with the API's address written in it.
API=https://api.getimg.ai/v2
send() { # URL [JSON [HEADER]]
    if [ "$program" = curl ]; then
        curl -sf "$1" ${2:+-H "Content-Type: application/json" -d "$2"} -H "${3:-Accept: */*}" \
            -H "Authorization: Bearer $GETIMG_API_KEY"
    else
        wget -qO- --tries=1 "$1" ${2:+--header "Content-Type: application/json" --post-data "$2"} \
            --header "${3:-Accept: */*}" --header "Authorization: Bearer $GETIMG_API_KEY"
    fi
}
pick() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }
program=$1
image='{"model": "seedream-5-lite", "prompt": "A lighthouse"}'
send $API/images/generations "$image" "X-Mock-Behaviour: fault=reset after_commit" || echo lost
url=$(send $API/images/generations "$image" | pick url)
echo picture $(send "$url" | wc -c)
id=$(send $API/videos/generations '{"model": "seedance-v1-5-pro", "prompt": "Waves"}' | pick id)
echo video $(send "$(send $API/videos/generations/$id | pick url)" | wc -c)
