package proxytest

import "strings"

const csharpUse = "using System;\nusing System.Runtime.CompilerServices;\nusing System.Runtime.InteropServices;\nusing Newtonsoft.Json.Linq;\n"

// csharpClass is the source of a class with members.
func csharpClass(members string) string {
	return csharpUse + "public static class Action {\n" + members + "\n}\n"
}

// csharpMain is the source of an entry point with a body.
func csharpMain(body string) string {
	return csharpClass("public static JToken main(JToken args) {\n" + body + "\n}")
}

// dotnet has sources, which are compiled, for the common cases; OpenWhisk's has
// published assemblies alone.
func dotnet() language {
	return language{
		loop:     true,
		compiles: true,
		samples: samples{
			echo:        csharpMain(`Console.WriteLine("hello stdout"); Console.Error.WriteLine("hello stderr"); return args;`),
			echoAsNiam:  csharpClass("public static JToken niam(JToken args) { return args; }"),
			nonObject:   csharpClass(`public static string main(JToken args) { return "x"; }`),
			environment: csharpMain("return JObject.FromObject(Environment.GetEnvironmentVariables());"),
			unicode: csharpMain(`var d = (string)args["delimiter"]; var s = d + " ☃ " + d; Console.WriteLine(s);
				return new JObject { ["winter"] = s };`),
			flood: csharpMain(`var line = new string('x', 99); var n = (int)args["lines"];
				var output = new System.IO.StreamWriter(Console.OpenStandardOutput());
				for (var i = 0; i < n; i++) { output.Write(line + "\n"); } output.Flush(); return new JObject();`),
			midLine:    csharpMain(`Console.Write("no line end"); Console.Error.Write("no line end"); return new JObject();`),
			large:      csharpMain("return args;") + strings.Repeat("// a line of a large source, which says nothing\n", 12_000),
			broken:     csharpClass("public static JToken main( { return null; }"),
			hardExit:   csharpMain(`Console.WriteLine("before the end"); Environment.Exit(3); return args;`),
			exitInInit: csharpClass(`static Action() { Console.WriteLine("before the end"); Environment.Exit(3); } public static JToken main(JToken args) { return args; }`),
			terminated: csharpClass(`[DllImport("libc")] static extern int kill(int pid, int signal); [DllImport("libc")] static extern int getppid();
				public static JToken main(JToken args) { kill(getppid(), 15); System.Threading.Thread.Sleep(-1); return args; }`),
			child:   csharpMain(`Console.WriteLine(1); System.Diagnostics.Process.Start("/bin/echo", "2").WaitForExit(); Console.WriteLine(3); return new JObject();`),
			counter: csharpClass(`static int n; public static JToken main(JToken args) { return new JObject { ["n"] = ++n }; }`),
		},
		cases: loopCases("X.Hello::Main", []file{
			{name: "Hello.cs", content: `using Newtonsoft.Json.Linq;
				namespace X;
				public class Hello {
					public async System.Threading.Tasks.Task<JObject> Main(JObject args) {
						args["part"] = Part.Name;
						args["data"] = await System.IO.File.ReadAllTextAsync("data.txt");
						return args;
					}
				}`}, {name: "parts/Part.cs", content: `namespace X; static class Part { internal const string Name = "of it"; }`},
		}, map[string]startError{
			"throws":           {code: csharpClass(`static Action() { throw new Exception("on purpose"); } public static JToken main(JToken args) { return args; }`), want: dead, log: "on purpose"},
			"missing package":  {code: "using No.Such.Package;\n" + csharpMain("return args;"), want: lost, log: "No.Such"},
			"wrong signature":  {code: csharpClass(`public static JObject main(string args) { return null; }`), want: dead, log: "main"},
			"no such function": {code: csharpClass("public static JToken other(JToken args) { return args; }"), want: dead, log: "main"},
		}, csharpMain(`throw new Exception("on purpose");`)),
	}
}
