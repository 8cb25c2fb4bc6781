// A program with the API's address written in it: java.net.http.HttpClient as it is by default.
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

public class JavaClient {
    static final String API = "https://api.getimg.ai/v2";
    static final String IMAGE = "{\"model\": \"seedream-5-lite\", \"prompt\": \"A lighthouse\"}";
    static final HttpClient CLIENT = HttpClient.newHttpClient();

    static byte[] send(String url, String body, String behaviour) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url))
            .header("Authorization", "Bearer " + System.getenv("GETIMG_API_KEY"));
        if (body != null) {
            request.header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body));
        }
        if (behaviour != null) {
            request.header("X-Mock-Behaviour", behaviour);
        }
        return CLIENT.send(request.build(), BodyHandlers.ofByteArray()).body();
    }

    static String pick(byte[] answer, String name) {
        return new String(answer).replaceAll("(?s).*\"" + name + "\":\"([^\"]*)\".*", "$1");
    }

    public static void main(String[] arguments) throws Exception {
        try {
            send(API + "/images/generations", IMAGE, "fault=reset after_commit");
        } catch (IOException lost) {
            System.out.println("lost");
        }
        var url = pick(send(API + "/images/generations", IMAGE, null), "url");
        System.out.println("picture " + send(url, null, null).length);
        var fields = "{\"model\": \"seedance-v1-5-pro\", \"prompt\": \"Waves\"}";
        var id = pick(send(API + "/videos/generations", fields, null), "id");
        url = pick(send(API + "/videos/generations/" + id, null, null), "url");
        System.out.println("video " + send(url, null, null).length);
    }
}
