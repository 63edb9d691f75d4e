package quirl;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipException;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * Makes the folder that Launcher runs from what was uploaded: a jar (exec.jar), a
 * source text (exec), or a folder with sources, classes and jars. It prints what is
 * wrong with the code, and nothing when nothing is.
 */
public final class Compiler {
  private static final Pattern PACKAGE = Pattern.compile("(?m)^\\s*package\\s+([\\w.]+)\\s*;");
  private static final Pattern PUBLIC_CLASS =
      Pattern.compile("(?m)^\\s*public\\s+(?:(?:final|abstract|strictfp|sealed)\\s+)*(?:class|record|enum|interface)\\s+(\\w+)");
  private static final Pattern ANY_CLASS =
      Pattern.compile("(?m)^\\s*(?:(?:final|abstract|strictfp|sealed)\\s+)*(?:class|record|enum|interface)\\s+(\\w+)");

  private Compiler() {}

  /** The arguments are the folder of the upload and that of the result. */
  public static void main(String[] args) throws IOException {
    Path source = Path.of(args[0]);
    Path result = Path.of(args[1]);
    try {
      Files.createDirectories(result);
      if (Files.exists(source.resolve("exec.jar"))) {
        takeJar(source.resolve("exec.jar"), result);
      } else if (Files.exists(source.resolve("exec"))) {
        compileText(source.resolve("exec"), result);
      } else {
        compileFolder(source, result);
      }
    } catch (Refused refused) {
      System.err.println(refused.getMessage());
      System.exit(1);
    }
  }

  /** Says what is wrong with the upload. */
  private static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message);
    }
  }

  private static void takeJar(Path jar, Path result) throws IOException {
    try (JarFile file = new JarFile(jar.toFile())) {
      String main = file.getManifest() == null ? null : file.getManifest().getMainAttributes().getValue("Main-Class");
      if (main != null) {
        Files.writeString(result.resolve("main-class"), main);
      }
    } catch (ZipException e) {
      throw new Refused("The jar is damaged: " + e.getMessage());
    }
    Files.copy(jar, result.resolve("exec.jar"), StandardCopyOption.REPLACE_EXISTING);
  }

  private static void compileText(Path file, Path result) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    for (int i = 0; i < Math.min(bytes.length, 4096); i++) {
      if (bytes[i] == 0) {
        throw new Refused("The code is neither a jar, nor an archive, nor Java source: syntax error.");
      }
    }
    String text = new String(bytes, StandardCharsets.UTF_8);
    String name = className(text);
    Path renamed = result.resolve("src").resolve(name + ".java");
    Files.createDirectories(renamed.getParent());
    Files.write(renamed, bytes);
    compile(List.of(renamed), result);
    Matcher inside = PACKAGE.matcher(text);
    Files.writeString(result.resolve("main-class"), inside.find() ? inside.group(1) + "." + name : name);
  }

  private static String className(String text) {
    for (Pattern pattern : List.of(PUBLIC_CLASS, ANY_CLASS)) {
      Matcher found = pattern.matcher(text);
      if (found.find()) {
        return found.group(1);
      }
    }
    return "Main";
  }

  private static void compileFolder(Path source, Path result) throws IOException {
    List<Path> sources;
    try (Stream<Path> all = Files.walk(source)) {
      sources = all.filter(p -> p.toString().endsWith(".java") && Files.isRegularFile(p)).sorted().collect(Collectors.toList());
    }
    copy(source, result);
    if (!sources.isEmpty()) {
      compile(sources, result);
      if (sources.size() == 1) {
        String text = Files.readString(sources.get(0));
        Matcher inside = PACKAGE.matcher(text);
        Files.writeString(result.resolve("main-class"), (inside.find() ? inside.group(1) + "." : "") + className(text));
      }
    }
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> all = Files.walk(from)) {
      for (Path path : (Iterable<Path>) all::iterator) {
        Path target = to.resolve(from.relativize(path).toString());
        if (Files.isDirectory(path)) {
          Files.createDirectories(target);
        } else {
          Files.copy(path, target, StandardCopyOption.REPLACE_EXISTING);
        }
      }
    }
  }

  private static void compile(List<Path> sources, Path result) throws IOException {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    if (compiler == null) {
      throw new Refused("Source cannot be compiled here: this is a Java runtime without a compiler. Upload a jar.");
    }
    DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
    try (StandardJavaFileManager files = compiler.getStandardFileManager(found, null, StandardCharsets.UTF_8)) {
      List<String> options = List.of("-d", result.toString(), "-cp", classPath(result), "-proc:none", "-parameters", "-g");
      boolean fine = compiler.getTask(null, files, found, options, null, files.getJavaFileObjectsFromPaths(sources)).call();
      if (!fine) {
        throw new Refused(describe(found.getDiagnostics()));
      }
    }
  }

  private static String classPath(Path result) throws IOException {
    List<String> parts = new ArrayList<>(List.of(System.getProperty("java.class.path"), result.toString()));
    Path lib = result.resolve("lib");
    if (Files.isDirectory(lib)) {
      try (Stream<Path> jars = Files.list(lib)) {
        jars.filter(p -> p.toString().endsWith(".jar")).sorted().forEach(p -> parts.add(p.toString()));
      }
    }
    return String.join(":", parts);
  }

  private static String describe(List<Diagnostic<? extends JavaFileObject>> found) {
    StringBuilder text = new StringBuilder("Compile error, e.g. a syntax error:");
    for (Diagnostic<? extends JavaFileObject> d : found) {
      if (d.getKind() == Diagnostic.Kind.ERROR) {
        text.append('\n').append(d.toString().trim());
      }
    }
    return text.toString();
  }
}
