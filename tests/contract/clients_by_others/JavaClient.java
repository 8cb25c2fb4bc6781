// A client of java.net.http alone, as a driver: JSON lines in and out. `java JavaClient.java` runs it, from Java 17 on.
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

public class JavaClient {
    static final Map<String, String> ENDINGS =
        Map.of("image/png", "png", "image/jpeg", "jpg", "image/webp", "webp", "video/mp4", "mp4");
    static final Set<Integer> READS = Set.of(429, 500, 502, 503, 504);
    static final List<String> OPS = List.of("generate_image", "generate_video", "submit_video",
        "retrieve_video", "download", "models", "model", "balance", "costs");
    static final HttpClient HTTP = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(10)).followRedirects(HttpClient.Redirect.NEVER).build();

    /** What went wrong, and what is known of the order. */
    static class Trouble extends Exception {
        final String name;
        int status;
        String code, requestId, generation;
        boolean unknown;
        HttpHeaders headers;

        Trouble(String name, String message) {
            super(message);
            this.name = name;
        }
    }

    /** A number as it was written, so that no digit is lost. */
    record Num(String text) { }

    final String base, key;
    final Map<String, Object> options;

    JavaClient(Map<String, Object> asked) {
        base = ((String) asked.get("base_url")).replaceAll("/+$", "");
        key = (String) asked.get("key");
        options = table(asked.getOrDefault("options", Map.of()));
    }

    double option(String name, double otherwise) {
        return options.get(name) instanceof Num number ? Double.parseDouble(number.text()) : otherwise;
    }

    // one exchange

    HttpResponse<byte[]> exchange(HttpRequest request, boolean post) throws Trouble, InterruptedException {
        return bounded(request, HttpResponse.BodyHandlers.ofByteArray(), post);
    }

    <T> HttpResponse<T> bounded(HttpRequest request, HttpResponse.BodyHandler<T> handler, boolean post)
            throws Trouble, InterruptedException {
        var sent = HTTP.sendAsync(request, handler);
        try {
            return sent.get((long) (option("timeout", 120) * 1000), TimeUnit.MILLISECONDS);
        } catch (TimeoutException late) {
            sent.cancel(true);
            throw lost("no whole answer in time", post);
        } catch (ExecutionException error) {
            var cause = error.getCause();
            if (cause instanceof ConnectException || cause instanceof java.net.http.HttpConnectTimeoutException) {
                throw new Trouble("ConnectionFailed", "no connection");
            }
            throw lost(cause.getClass().getSimpleName() + " " + cause.getMessage(), post);
        }
    }

    static Trouble lost(String why, boolean post) {
        var error = new Trouble("ConnectionLost", why);
        error.unknown = post;
        return error;
    }

    HttpRequest.Builder request(String url) throws Trouble {
        try {
            return HttpRequest.newBuilder(URI.create(url)).header("User-Agent", "others-java/1.0")
                .header("Accept-Encoding", "identity");
        } catch (IllegalArgumentException error) {
            throw new Trouble("BadArgument", "this is no address");
        }
    }

    Object once(String path, Map<String, Object> fields) throws Trouble, InterruptedException {
        var asked = request(base + "/v2/" + path).header("Accept", "application/json")
            .header("Authorization", "Bearer " + key);
        if (fields != null) {
            asked.header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(Json.write(fields)));
        }
        var answer = exchange(asked.build(), fields != null);
        var text = new String(answer.body(), StandardCharsets.UTF_8);
        Object value = null;
        boolean read = answer.headers().firstValue("content-encoding").orElse("identity").equals("identity");
        try {
            value = read ? Json.parse(text) : null;
        } catch (RuntimeException | StackOverflowError error) {
            read = false;
        }
        if (answer.statusCode() / 100 != 2) {
            throw refusal(answer, text, value, fields != null);
        }
        if (!read || !(value instanceof Map || value instanceof List)) {
            throw bad("the answer is not the JSON of the API", answer.statusCode(), fields != null);
        }
        return value;
    }

    static Trouble bad(String message, int status, boolean post) {
        var error = new Trouble("BadAnswer", message);
        error.status = status;
        error.unknown = post;
        return error;
    }

    Trouble refusal(HttpResponse<byte[]> answer, String text, Object value, boolean post) {
        var outer = value instanceof Map ? table(value) : Map.<String, Object>of();
        var told = outer.get("error") instanceof Map ? table(outer.get("error")) : outer;
        var message = told.get("message") instanceof String said ? said : text;
        var error = new Trouble("ApiError", message.replace(key, "***"));
        error.status = answer.statusCode();
        error.headers = answer.headers();
        error.code = told.get("code") instanceof String code ? code : null;
        error.requestId = answer.headers().firstValue("x-request-id").orElse(null);
        boolean safe = answer.headers().firstValue("retry-after").isPresent();
        error.unknown = post && (error.status == 409 || (error.status >= 500 && !safe));
        return error;
    }

    // tries

    static boolean again(boolean post, Trouble error) {
        if (error.name.equals("ConnectionFailed")) {
            return true;
        }
        if (!post) {
            return error.name.equals("ConnectionLost") || (error.name.equals("ApiError") && READS.contains(error.status));
        }
        return error.status == 429
            || (error.status == 503 && error.headers != null && error.headers.firstValue("retry-after").isPresent());
    }

    static double told(HttpHeaders headers) {
        if (headers == null) {
            return 0;
        }
        var said = headers.firstValue("retry-after").orElse("").strip();
        if (said.matches("\\d{1,9}")) {
            return Double.parseDouble(said);
        }
        try {
            var until = ZonedDateTime.parse(said, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
            return Math.max(Duration.between(Instant.now(), until).toMillis() / 1000.0 + 1, 0);
        } catch (DateTimeParseException error) {
            var reset = headers.firstValue("x-ratelimit-reset").orElse("").strip();
            boolean known = reset.matches("\\d{1,12}");
            return known ? Math.max(Long.parseLong(reset) - System.currentTimeMillis() / 1000.0 + 0.5, 0) : 0;
        }
    }

    Object call(String path, Map<String, Object> fields) throws Trouble, InterruptedException {
        int tries = (int) option("max_retries", 3) + 1;
        for (int tried = 0;; tried++) {
            try {
                return once(path, fields);
            } catch (Trouble error) {
                double wanted = told(error.headers);
                if (tried + 1 >= tries || !again(fields != null, error) || wanted > 60) {
                    throw error;
                }
                double ceiling = Math.min(30, 0.5 * Math.pow(2, tried));
                pause(Math.max(wanted, ThreadLocalRandom.current().nextDouble(ceiling / 2, ceiling)));
            }
        }
    }

    static void pause(double seconds) throws InterruptedException {
        Thread.sleep((long) Math.ceil(Math.max(seconds, 0) * 1000));
    }

    // what an answer must have

    @SuppressWarnings("unchecked")
    static Map<String, Object> table(Object value) {
        return (Map<String, Object>) value;
    }

    static boolean is(String kind, Object value) {
        return switch (kind) {
            case "text" -> value instanceof String;
            case "number" -> value instanceof Num;
            case "whole" -> value instanceof Num number && new java.math.BigDecimal(number.text()).stripTrailingZeros().scale() <= 0;
            case "flag" -> value instanceof Boolean;
            case "list" -> value instanceof List;
            case "table" -> value instanceof Map;
            case "maybe" -> value == null || value instanceof String;
            case "money" -> value instanceof String text && text.matches("-?\\d+(\\.\\d+)?");
            case "moment" -> value instanceof String text
                && text.matches("\\d{4}-\\d\\d-\\d\\d[Tt ]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?([Zz]|[+-]\\d\\d:\\d\\d)");
            default -> throw new AssertionError(kind);
        };
    }

    /** Check fields, written as "name:kind"; those with a question mark are optional. */
    static Map<String, Object> check(Object value, String... fields) throws Trouble {
        if (!(value instanceof Map)) {
            throw bad("the answer is not an object", 200, false);
        }
        var found = table(value);
        for (var field : fields) {
            var parts = field.split(":");
            var name = parts[0].replace("?", "");
            boolean optional = parts[0].endsWith("?") && found.get(name) == null;
            if (!optional && (!found.containsKey(name) || !is(parts[1], found.get(name)))) {
                var error = bad(name + " is missing, or of another type", 200, false);
                error.generation = found.get("id") instanceof String id ? id : null;
                throw error;
            }
        }
        return found;
    }

    static void each(Object list, String... fields) throws Trouble {
        for (var item : (List<?>) list) {
            check(item, fields);
        }
    }

    static void all(Object list, String kind) throws Trouble {
        for (var item : (Iterable<?>) list) {
            if (!is(kind, item)) {
                throw bad("a list has an item of another type", 200, false);
            }
        }
    }

    static void usage(Object value) throws Trouble {
        check(value, "total_cost:number", "billable_unit:text", "unit_price:number", "quantity:number");
    }

    static Map<String, Object> finished(Object value) throws Trouble {
        var found = check(value, "id:text", "status:text", "model:text", "data:list");
        each(found.get("data"), "url:text", "mime_type:text", "deletes_at:moment", "width?:whole", "height?:whole",
            "duration?:number", "fps?:number", "has_sound?:flag");
        return found;
    }

    static Map<String, Object> video(Object value) throws Trouble {
        var found = check(value, "id:text", "status:text");
        if (found.get("status").equals("failed")) {
            check(check(value, "error:table").get("error"), "message:text", "code:text");
        }
        if (found.get("status").equals("completed")) {
            finished(value);
            if (found.get("usage") != null) {
                usage(found.get("usage"));
            }
        }
        return found;
    }

    static Object model(Object value) throws Trouble {
        var found = check(value, "id:text", "name:text", "type:text", "created_at:moment", "supports_sound:flag",
            "supported_aspect_ratios:list", "supported_resolutions:list", "supported_durations:list",
            "supported_references:table", "pricing:table");
        all(found.get("supported_aspect_ratios"), "text");
        all(found.get("supported_resolutions"), "text");
        all(found.get("supported_durations"), "number");
        all(table(found.get("supported_references")).values(), "number");
        var pricing = check(found.get("pricing"), "currency:text", "rates:list");
        each(pricing.get("rates"), "billable_unit:text", "resolution:maybe", "sound:text", "unit_price:money");
        return value;
    }

    static String segment(Object id) throws Trouble {
        if (id.equals("") || id.equals(".") || id.equals("..")) {
            throw new Trouble("BadArgument", Json.write(id) + " is no id");
        }
        return encoded(id);
    }

    static String encoded(Object text) {
        return URLEncoder.encode(text.toString(), StandardCharsets.UTF_8).replace("+", "%20").replace("*", "%2A");
    }

    static String moment(Object value) throws Trouble {
        if (!is("moment", value)) {
            throw new Trouble("BadArgument", value + " is no moment with a zone");
        }
        return encoded(value);
    }

    // the operations

    Object work(String op, Map<String, Object> args) throws Trouble, InterruptedException, IOException {
        return switch (op) {
            case "generate_image" -> image(args);
            case "submit_video" -> submit(args);
            case "generate_video" -> await(submit(args).get("id").toString());
            case "retrieve_video" -> video(call("videos/generations/" + segment(args.get("id")), null));
            case "download" -> download(args);
            case "models" -> models(args.get("type"));
            case "model" -> model(call("models/" + segment(args.get("id")), null));
            case "balance" -> check(call("billing/balance", null), "balance:money", "currency:text");
            case "costs" -> costs(args);
            default -> throw new Trouble("BadArgument", op + " is unknown");
        };
    }

    Object image(Map<String, Object> fields) throws Trouble, InterruptedException {
        var came = call("images/generations", fields);
        try {
            var value = finished(came);
            usage(check(value, "usage:table").get("usage"));
            if (!value.get("status").equals("completed")) {
                var error = bad("the image is " + value.get("status"), 200, true);
                error.generation = (String) value.get("id");
                throw error;
            }
            return value;
        } catch (Trouble error) {
            error.unknown = true;
            throw error;
        }
    }

    Map<String, Object> submit(Map<String, Object> fields) throws Trouble, InterruptedException {
        var came = call("videos/generations", fields);
        try {
            return check(came, "id:text", "status:text");
        } catch (Trouble error) {
            error.unknown = true;
            throw error;
        }
    }

    Object models(Object type) throws Trouble, InterruptedException {
        var list = call(type == null ? "models" : "models?type=" + encoded(type), null);
        if (!(list instanceof List)) {
            throw bad("the models are not a list", 200, false);
        }
        for (var item : (List<?>) list) {
            model(item);
        }
        return list;
    }

    Object costs(Map<String, Object> args) throws Trouble, InterruptedException {
        var query = "?start=" + moment(args.get("start")) + "&end=" + moment(args.get("end"));
        var found = check(call("billing/costs" + query, null), "currency:text", "data:list", "start:moment",
            "end:moment", "total_cost:number");
        each(found.get("data"), "date:text", "cost:number");
        return found;
    }

    Object await(String id) throws Trouble, InterruptedException {
        double interval = option("poll_interval", 5), limit = option("wait_timeout", 900), next = interval;
        long began = System.nanoTime();
        try {
            while (true) {
                double left = limit - (System.nanoTime() - began) / 1e9;
                pause(Math.min(next, left));
                if (next >= left) {
                    throw new Trouble("WaitTimeout", "video " + id + " is still pending");
                }
                next = interval;
                try {
                    var found = video(once("videos/generations/" + segment(id), null));
                    if (found.get("status").equals("completed")) {
                        return found;
                    }
                    if (found.get("status").equals("failed")) {
                        var why = table(found.get("error"));
                        var error = new Trouble("GenerationFailed", "video " + id + " failed: " + why.get("message"));
                        error.code = (String) why.get("code");
                        throw error;
                    }
                } catch (Trouble error) {
                    boolean young = (System.nanoTime() - began) / 1e9 < 30;
                    boolean lives = error.name.startsWith("Connection") || (error.name.equals("ApiError")
                        && (error.status == 429 || error.status >= 500 || (error.status == 404 && young)));
                    if (!lives) {
                        throw error;
                    }
                    next = Math.max(next, told(error.headers));
                }
            }
        } catch (Trouble error) {
            error.generation = id;
            throw error;
        }
    }

    Object download(Map<String, Object> args) throws Trouble, InterruptedException, IOException {
        var result = finished(args.get("result"));
        int index = args.get("index") instanceof Num number ? Integer.parseInt(number.text()) : 0;
        var items = (List<?>) result.get("data");
        if (index < 0 || index >= items.size()) {
            throw new Trouble("DownloadFailed", "there is no file " + index);
        }
        var item = table(items.get(index));
        var url = (String) item.get("url");
        if (!url.startsWith("https://") && !url.startsWith("http://")) {
            throw new Trouble("DownloadFailed", "the link is no address to fetch from");
        }
        var folder = Path.of((String) args.get("directory"));
        var part = Files.createTempFile(folder, ".java-", ".part");
        try {
            var answer = bounded(request(url).build(), HttpResponse.BodyHandlers.ofFile(part), false);
            judge(answer, (String) result.get("id"));
            var stem = ((String) result.get("id")).replaceAll("[^A-Za-z0-9_-]", "_");
            stem = stem.substring(0, Math.min(80, stem.length())) + "-" + index;
            var kind = ((String) item.get("mime_type")).split(";")[0].strip().toLowerCase();
            boolean over = Boolean.TRUE.equals(args.get("overwrite"));
            return publish(part, folder, stem, ENDINGS.getOrDefault(kind, "bin"), over).toString();
        } catch (Trouble error) {
            error.generation = (String) result.get("id");
            throw error;
        } finally {
            Files.deleteIfExists(part);
        }
    }

    static void judge(HttpResponse<Path> answer, String id) throws Trouble {
        var kind = answer.headers().firstValue("content-type").orElse("").split(";")[0].strip().toLowerCase();
        if (answer.statusCode() != 200 || kind.startsWith("text/") || kind.equals("application/json")) {
            var error = new Trouble("DownloadFailed",
                "the link answers " + answer.statusCode() + " " + kind + "; it may have expired");
            error.status = answer.statusCode();
            throw error;
        }
    }

    static Path publish(Path part, Path folder, String stem, String ending, boolean over) throws IOException {
        var path = folder.resolve(stem + "." + ending);
        if (over) {
            return Files.move(part, path, StandardCopyOption.REPLACE_EXISTING);
        }
        for (int tried = 1;; tried++) {
            try {
                return Files.createLink(path, part);
            } catch (FileAlreadyExistsException error) {
                path = folder.resolve(stem + "-" + tried + "." + ending);
            }
        }
    }

    // lines

    static Map<String, Object> outcome(Map<String, Object> asked) {
        var said = new LinkedHashMap<String, Object>();
        said.put("case", asked.get("case"));
        try {
            Object value = asked.get("op").equals("describe")
                ? Map.of("name", "others-java", "ops", OPS, "lacking", List.of(),
                    "options", List.of("timeout", "poll_interval", "wait_timeout", "max_retries"))
                : new JavaClient(asked).work((String) asked.get("op"), table(asked.get("args")));
            said.put("outcome", "value");
            said.put("value", value);
        } catch (Exception error) {
            said.put("outcome", "error");
            said.put("error", described(error));
        }
        return said;
    }

    static Map<String, Object> described(Exception error) {
        var found = new LinkedHashMap<String, Object>();
        var known = error instanceof Trouble trouble ? trouble : new Trouble(error.getClass().getSimpleName(), "" + error.getMessage());
        found.put("type", known.name);
        found.put("message", known.getMessage());
        found.put("status", known.status == 0 ? null : new Num("" + known.status));
        found.put("code", known.code);
        found.put("request_id", known.requestId);
        found.put("generation", known.generation);
        found.put("unknown", known.unknown);
        return found;
    }

    public static void main(String[] given) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        for (String line; (line = in.readLine()) != null;) {
            out.println(Json.write(outcome(table(Json.parse(line)))));
        }
    }

    /** JSON, strictly, with numbers as they are written. */
    static class Json {
        final String text;
        int at;

        Json(String text) {
            this.text = text;
        }

        static Object parse(String text) {
            var json = new Json(text.startsWith("\ufeff") ? text.substring(1) : text);
            var value = json.value();
            json.space();
            if (json.at != json.text.length()) {
                throw new IllegalArgumentException("more than one value");
            }
            return value;
        }

        void space() {
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
        }

        boolean takes(String word) {
            if (text.startsWith(word, at)) {
                at += word.length();
                return true;
            }
            return false;
        }

        void need(String word) {
            space();
            if (!takes(word)) {
                throw new IllegalArgumentException(word + " is missing");
            }
        }

        Object value() {
            space();
            if (takes("{")) {
                return object();
            }
            if (takes("[")) {
                return array();
            }
            if (takes("\"")) {
                return string();
            }
            if (takes("true")) {
                return true;
            }
            if (takes("false")) {
                return false;
            }
            if (takes("null")) {
                return null;
            }
            int start = at;
            while (at < text.length() && "+-.eE0123456789".indexOf(text.charAt(at)) >= 0) {
                at++;
            }
            var number = text.substring(start, at);
            if (!number.matches("-?(0|[1-9]\\d*)(\\.\\d+)?([eE][+-]?\\d+)?")) {
                throw new IllegalArgumentException("no value");
            }
            return new Num(number);
        }

        Map<String, Object> object() {
            var found = new LinkedHashMap<String, Object>();
            space();
            if (takes("}")) {
                return found;
            }
            do {
                need("\"");
                var name = string();
                need(":");
                found.put(name, value());
                space();
            } while (takes(","));
            need("}");
            return found;
        }

        List<Object> array() {
            var found = new ArrayList<Object>();
            space();
            if (takes("]")) {
                return found;
            }
            do {
                found.add(value());
                space();
            } while (takes(","));
            need("]");
            return found;
        }

        String string() {
            var found = new StringBuilder();
            while (true) {
                char sign = text.charAt(at++);
                if (sign == '"') {
                    return found.toString();
                }
                if (sign < ' ') {
                    throw new IllegalArgumentException("a control character");
                }
                found.append(sign == '\\' ? escaped() : sign);
            }
        }

        char escaped() {
            char sign = text.charAt(at++);
            if (sign == 'u') {
                at += 4;
                return (char) Integer.parseInt(text.substring(at - 4, at), 16);
            }
            int place = "\"\\/bfnrt".indexOf(sign);
            if (place < 0) {
                throw new IllegalArgumentException("an escape");
            }
            return "\"\\/\b\f\n\r\t".charAt(place);
        }

        static String write(Object value) {
            var out = new StringBuilder();
            write(value, out);
            return out.toString();
        }

        static void write(Object value, StringBuilder out) {
            if (value instanceof Map<?, ?> map) {
                var comma = "{";
                for (var entry : map.entrySet()) {
                    out.append(comma);
                    write(entry.getKey(), out);
                    out.append(':');
                    write(entry.getValue(), out);
                    comma = ",";
                }
                out.append(map.isEmpty() ? "{}" : "}");
            } else if (value instanceof List<?> list) {
                var comma = "[";
                for (var item : list) {
                    out.append(comma);
                    write(item, out);
                    comma = ",";
                }
                out.append(list.isEmpty() ? "[]" : "]");
            } else if (value instanceof Num number) {
                out.append(number.text());
            } else if (value instanceof String text) {
                quote(text, out);
            } else {
                out.append(value);
            }
        }

        static void quote(String text, StringBuilder out) {
            out.append('"');
            for (char sign : text.toCharArray()) {
                if (sign == '"' || sign == '\\') {
                    out.append('\\').append(sign);
                } else if (sign < ' ' || Character.isSurrogate(sign) || sign == '\u2028' || sign == '\u2029') {
                    out.append(String.format("\\u%04x", (int) sign));
                } else {
                    out.append(sign);
                }
            }
            out.append('"');
        }
    }
}
