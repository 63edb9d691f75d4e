package proxytest

import (
	"strings"
	"testing"
)

// javaClass is the source of a class with a method.
func javaClass(method string) string {
	return "import com.google.gson.*;\npublic class Action {\n" + method + "\n}\n"
}

// javaMain is the source of an entry point with a body.
func javaMain(body string) string {
	return javaClass("public static JsonElement main(JsonElement args) throws Exception {\n" + body + "\n}")
}

func java() language {
	return language{
		loop:     true,
		compiles: true,
		samples: samples{
			echo:        javaMain(`System.out.println("hello stdout"); System.err.println("hello stderr"); return args;`),
			echoAsNiam:  javaClass("static JsonElement niam(JsonElement args) { return args; }"),
			nonObject:   javaClass(`static String main(JsonObject args) { return "x"; }`),
			environment: javaMain("return new Gson().toJsonTree(System.getenv());"),
			unicode: javaMain(`String d = args.getAsJsonObject().get("delimiter").getAsString(); String s = d + " ☃ " + d; System.out.println(s);
				JsonObject o = new JsonObject(); o.addProperty("winter", s); return o;`),
			flood:      javaMain(`String line = "x".repeat(99); int n = args.getAsJsonObject().get("lines").getAsInt(); for (int i = 0; i < n; i++) { System.out.println(line); } return new JsonObject();`),
			midLine:    javaMain(`System.out.print("no line end"); System.err.print("no line end"); return new JsonObject();`),
			large:      javaMain("return args;") + strings.Repeat("// a line of a large source, which says nothing\n", 12_000),
			broken:     javaClass("static JsonElement main( { return null; }"),
			hardExit:   javaMain(`System.out.println("before the end"); System.exit(3); return args;`),
			exitInInit: javaClass(`static { System.out.println("before the end"); System.exit(3); } static JsonElement main(JsonElement args) { return args; }`),
			terminated: javaMain(`ProcessHandle.current().parent().get().destroy(); Thread.sleep(1000000); return args;`),
			child:      javaMain(`System.out.println(1); new ProcessBuilder("/bin/echo", "2").inheritIO().start().waitFor(); System.out.println(3); return new JsonObject();`),
			counter:    javaClass("static int n; static JsonObject main(JsonObject args) { JsonObject o = new JsonObject(); o.addProperty(\"n\", ++n); return o; }"),
		},
		cases: []testCase{
			{"archives", func(t *testing.T, b *bench) {
				b.testLoopArchives(t, "x.Hello", file{name: "x/Hello.java", content: `package x;
					import com.google.gson.*; import java.nio.file.*;
					public class Hello {
						public static JsonObject main(JsonObject args) throws Exception {
							args.addProperty("part", Part.NAME);
							args.addProperty("data", Files.readString(Path.of("data.txt")));
							return args;
						}
					}`}, file{name: "x/Part.java", content: `package x; class Part { static final String NAME = "of it"; }`})
			}},
			{"start errors", func(t *testing.T, b *bench) {
				b.testStartErrors(t, map[string]startError{
					"throws":           {code: javaClass(`static { if (true) throw new IllegalStateException("on purpose"); } static JsonObject main(JsonObject args) { return args; }`), want: dead, log: "on purpose"},
					"missing package":  {code: "import no.such.Package;\n" + javaMain("return args;"), want: lost, log: "no.such"},
					"wrong signature":  {code: javaClass(`static JsonObject main(String args) { return null; }`), want: dead, log: "main"},
					"no such function": {code: javaClass("static JsonElement other(JsonElement args) { return args; }"), want: dead, log: "main"},
				})
			}},
			{"exceptions", func(t *testing.T, b *bench) {
				b.testThrown(t, javaMain(`throw new IllegalStateException("on purpose");`))
			}},
		},
	}
}
