package quirl;

import com.google.gson.Gson;
import com.google.gson.JsonElement;
import com.google.gson.internal.Streams;
import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.StringWriter;

/** Results as text. */
final class Json {
  private Json() {}

  /**
   * Returns a value as one line of JSON. What is no JSON of Gson's is mapped as Gson
   * does it. A number that JSON does not have is an IllegalArgumentException.
   */
  static String text(Object value) throws IOException {
    if (value == null) {
      return "null";
    }
    if (!(value instanceof JsonElement)) {
      return new Gson().toJson(value);
    }
    StringWriter text = new StringWriter();
    JsonWriter writer = new JsonWriter(text);
    Streams.write((JsonElement) value, writer);
    return text.toString();
  }
}
