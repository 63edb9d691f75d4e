package quirl;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;

/** The static methods that an action's entry point names: one for objects, one for arrays. */
final class Entry {
  private final String name;
  private final Method forObject;
  private final Method forArray;

  /** Says that the entry point is not in the code; the message is for the log. */
  static final class Missing extends Exception {
    private static final long serialVersionUID = 1L;

    Missing(String message) {
      super(message);
    }
  }

  private Entry(String name, Method forObject, Method forArray) {
    this.name = name;
    this.forObject = forObject;
    this.forArray = forArray;
  }

  /**
   * Finds the entry point: {@code com.x.Hello} means its method main, {@code
   * com.x.Hello#run} another one. The name of a method alone is looked for in the class
   * that the file {@code main-class} in the folder names, if there is one.
   */
  static Entry find(String name, ClassLoader code, String folder) throws Missing, IOException {
    String className = name;
    String method = "main";
    int hash = name.indexOf('#');
    Path told = Path.of(folder, "main-class");
    if (hash >= 0) {
      className = name.substring(0, hash);
      method = name.substring(hash + 1);
    } else if (Files.exists(told) && !isClass(name, code)) {
      className = Files.readString(told).trim();
      method = name;
    }
    return in(load(className, name, code), method, name);
  }

  private static boolean isClass(String name, ClassLoader code) {
    try {
      Class.forName(name, false, code);
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return e instanceof LinkageError && !(e instanceof NoClassDefFoundError);
    }
  }

  private static Class<?> load(String className, String name, ClassLoader code) throws Missing {
    try {
      return Class.forName(className, true, code);
    } catch (ClassNotFoundException e) {
      throw new Missing("Entry point '" + name + "': there is no class " + className
          + " in the code. Name it as package.Class or package.Class#method.");
    }
  }

  private static Entry in(Class<?> type, String method, String name) throws Missing {
    Method object = method(type, method, JsonObject.class);
    Method array = method(type, method, JsonArray.class);
    Method any = method(type, method, JsonElement.class);
    object = object == null ? any : object;
    array = array == null ? any : array;
    if (object == null && array == null) {
      throw new Missing("Entry point '" + name + "': class " + type.getName() + " has no method static JsonObject "
          + method + "(JsonObject), nor one for JsonArray.");
    }
    return new Entry(name, object, array);
  }

  private static Method method(Class<?> type, String name, Class<?> argument) {
    try {
      Method found = type.getDeclaredMethod(name, argument);
      found.setAccessible(true);
      return Modifier.isStatic(found.getModifiers()) ? found : null;
    } catch (NoSuchMethodException e) {
      return null;
    }
  }

  /** Calls the function; what it throws is thrown. */
  Object call(JsonElement value) throws Throwable {
    Method method = value.isJsonArray() ? forArray : forObject;
    if (method == null || !(value.isJsonArray() || value.isJsonObject())) {
      throw new IllegalArgumentException("'" + name + "' takes no "
          + (value.isJsonArray() ? "array" : value.isJsonObject() ? "object" : "value like this") + ".");
    }
    try {
      return method.invoke(null, value);
    } catch (InvocationTargetException e) {
      throw e.getCause() == null ? e : e.getCause();
    }
  }
}
