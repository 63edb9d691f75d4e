package proxytest

import "strings"

// swiftMain is the source of an entry point with a body.
func swiftMain(body string) string {
	return "import Foundation\nfunc main(args: Any) -> Any {\n" + body + "\n}\n"
}

func swift() language {
	return language{
		loop:     true,
		compiles: true,
		samples: samples{
			echo:        swiftMain(`print("hello stdout"); fputs("hello stderr\n", stderr); return args`),
			echoAsNiam:  "func niam(args: Any) -> Any { args }",
			nonObject:   swiftMain(`return "x"`),
			environment: swiftMain("return ProcessInfo.processInfo.environment"),
			unicode: swiftMain(`let d = (args as! [String: Any])["delimiter"] as! String; let s = "\(d) ☃ \(d)"; print(s)
				return ["winter": s]`),
			flood:    swiftMain(`let line = String(repeating: "x", count: 99); for _ in 0..<((args as! [String: Any])["lines"] as! Int) { print(line) }; return [String: Any]()`),
			midLine:  swiftMain(`print("no line end", terminator: ""); fputs("no line end", stderr); return [String: Any]()`),
			large:    swiftMain("return args") + strings.Repeat("// a line of a large source, which says nothing\n", 12_000),
			broken:   "func main( -> Any { nil }",
			hardExit: swiftMain(`print("before the end"); exit(3)`),
			exitInInit: `import Foundation
				print("before the end")
				exit(3)
				func main(args: Any) -> Any { args }`,
			terminated: swiftMain(`kill(getppid(), 15); while true { sleep(1000) }`),
			child: swiftMain(`print("1"); fflush(stdout)
				let echo = Process(); echo.executableURL = URL(fileURLWithPath: "/bin/echo"); echo.arguments = ["2"]
				try! echo.run(); echo.waitUntilExit(); print("3"); return [String: Any]()`),
			counter: "var n = 0\nfunc main(args: Any) -> Any { n += 1; return [\"n\": n] }",
		},
		cases: loopCases("niam", []file{
			{name: "Sources/Hello.swift", content: `import Foundation
				func niam(args: [String: Any]) throws -> [String: Any] {
					var all = args
					all["part"] = part
					all["data"] = try String(contentsOfFile: "data.txt", encoding: .utf8)
					return all
				}`}, {name: "Sources/Part.swift", content: `let part = "of it"`},
		}, map[string]startError{
			"stops":            {code: `fatalError("on purpose")` + "\nfunc main(args: Any) -> Any { args }", want: dead, log: "on purpose"},
			"missing package":  {code: "import NoSuchPackage\nfunc main(args: Any) -> Any { args }", want: lost, log: "NoSuchPackage"},
			"wrong signature":  {code: "func main(args: String) -> String { args }", want: lost, log: "quirlServe"},
			"no such function": {code: "func other(args: Any) -> Any { args }", want: lost, log: "main"},
		}, `struct Failure: Error, CustomStringConvertible { let description = "on purpose" }
			func main(args: Any) throws -> Any { throw Failure() }`),
	}
}
