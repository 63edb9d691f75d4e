package quirl;

import java.lang.reflect.Field;
import java.util.Map;

/** The environment variables of this process, as System.getenv shows them. */
final class Environment {
  private Environment() {}

  /**
   * Returns the map behind System.getenv, which processes that are started inherit
   * too. The manifest of our jar opens java.util for it: an option of the command line
   * would keep the virtual machine from using its archived modules.
   */
  @SuppressWarnings("unchecked")
  static Map<String, String> writable() {
    try {
      Map<String, String> shown = System.getenv();
      Field inner = shown.getClass().getDeclaredField("m");
      inner.setAccessible(true);
      return (Map<String, String>) inner.get(shown);
    } catch (ReflectiveOperationException | RuntimeException failure) {
      throw new IllegalStateException("the environment of this virtual machine cannot be changed", failure);
    }
  }
}
