package quirl;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/**
 * Runs one function: a request is a line on standard input, its result a line on
 * file descriptor 3, which first says that the function was found. It ends with
 * its input.
 */
public final class Launcher {
  private static final String PREFIX = "__OW_";

  private Launcher() {}

  /** The arguments are the entry point and the folder of the code. */
  public static void main(String[] args) throws IOException {
    BufferedReader in = takeInput();
    Writer out = new BufferedWriter(
        new OutputStreamWriter(new FileOutputStream("/dev/fd/3"), StandardCharsets.UTF_8));
    Entry entry;
    try {
      entry = Entry.find(args[0], Code.load(args[1]), args[1]);
    } catch (Throwable failure) {
      report(failure);
      System.exit(1);
      return;
    }
    answer(out, "{\"ok\":true}");
    Map<String, String> environment = Environment.writable();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      answer(out, run(entry, line, environment));
    }
    System.exit(0);
  }

  /**
   * Takes the requests out of reach: what is descriptor 0 afterwards is empty, for
   * functions and for processes that they start.
   */
  private static BufferedReader takeInput() throws IOException {
    FileInputStream requests = new FileInputStream("/dev/fd/0");
    System.in.close(); // the virtual machine puts /dev/null in its place
    return new BufferedReader(new InputStreamReader(requests, StandardCharsets.UTF_8));
  }

  private static String run(Entry entry, String line, Map<String, String> environment) {
    try {
      JsonObject request = JsonParser.parseString(line).getAsJsonObject();
      export(request, environment);
      JsonElement value = request.get("value");
      return Json.text(entry.call(value == null ? new JsonObject() : value));
    } catch (Throwable failure) {
      report(failure);
      JsonObject error = new JsonObject();
      error.addProperty("error", text(failure));
      return error.toString();
    } finally {
      System.out.flush();
      System.err.flush();
    }
  }

  private static void export(JsonObject request, Map<String, String> environment) {
    for (Map.Entry<String, JsonElement> member : request.entrySet()) {
      JsonElement value = member.getValue();
      if (!member.getKey().equals("value") && value.isJsonPrimitive()
          && value.getAsJsonPrimitive().isString()) {
        environment.put(PREFIX + member.getKey().toUpperCase(java.util.Locale.ROOT), value.getAsString());
      }
    }
  }

  private static void answer(Writer out, String line) throws IOException {
    out.write(line);
    out.write('\n');
    out.flush();
  }

  private static String text(Throwable failure) {
    String message = failure instanceof JsonParseException ? null : failure.getMessage();
    return message == null ? failure.toString() : message;
  }

  /** Prints a stack trace down to where the function was called. */
  private static void report(Throwable failure) {
    if (failure instanceof Entry.Missing) {
      System.err.println(failure.getMessage());
      return;
    }
    StackTraceElement[] frames = failure.getStackTrace();
    int end = 0;
    while (end < frames.length && !frames[end].getClassName().startsWith("quirl.")
        && !frames[end].getClassName().startsWith("jdk.internal.reflect.")) {
      end++;
    }
    if (end > 0 && end < frames.length && frames[end].getClassName().startsWith("jdk.internal.reflect.")) {
      failure.setStackTrace(java.util.Arrays.copyOf(frames, end));
    }
    failure.printStackTrace(System.err);
  }
}
