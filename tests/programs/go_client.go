// A program with the API's address written in it: net/http with its default client.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

const api = "https://api.getimg.ai/v2"
const picture = `{"model": "seedream-5-lite", "prompt": "A lighthouse"}`

type generation struct {
	ID   string
	Data []struct{ URL string }
}

func send(method, url, body, behaviour string) ([]byte, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+os.Getenv("GETIMG_API_KEY"))
	request.Header.Set("Content-Type", "application/json")
	if behaviour != "" {
		request.Header.Set("X-Mock-Behaviour", behaviour)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

func ask(method, path, body string) (found generation) {
	answer, err := send(method, api+path, body, "")
	if err == nil {
		err = json.Unmarshal(answer, &found)
	}
	if err != nil {
		panic(err)
	}
	return found
}

func show(what string, made generation) {
	file, err := send("GET", made.Data[0].URL, "", "")
	if err != nil {
		panic(err)
	}
	fmt.Println(what, len(file))
}

func main() {
	if _, err := send("POST", api+"/images/generations", picture, "fault=reset after_commit"); err != nil {
		fmt.Println("lost")
	}
	show("picture", ask("POST", "/images/generations", picture))
	video := ask("POST", "/videos/generations", `{"model": "seedance-v1-5-pro", "prompt": "Waves"}`)
	show("video", ask("GET", "/videos/generations/"+video.ID, ""))
}
