package quirl;

import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The code of the action, as Compiler left it. */
final class Code {
  private Code() {}

  /**
   * Returns the class loader of the code, which is also that of this thread: its jar,
   * its classes, and the jars in its folder lib.
   */
  static ClassLoader load(String folder) throws IOException {
    List<URL> path = new ArrayList<>();
    for (Path part : parts(Path.of(folder))) {
      path.add(part.toUri().toURL());
    }
    ClassLoader loader = new URLClassLoader(path.toArray(new URL[0]), Code.class.getClassLoader());
    Thread.currentThread().setContextClassLoader(loader);
    return loader;
  }

  private static List<Path> parts(Path folder) throws IOException {
    Path jar = folder.resolve("exec.jar");
    List<Path> parts = new ArrayList<>(Files.exists(jar) ? List.of(jar) : List.of(folder));
    Path lib = folder.resolve("lib");
    if (Files.isDirectory(lib)) {
      try (Stream<Path> jars = Files.list(lib)) {
        parts.addAll(jars.filter(p -> p.toString().endsWith(".jar")).sorted().collect(Collectors.toList()));
      }
    }
    return parts;
  }
}
