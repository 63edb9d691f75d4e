package proxytest

import (
	"strings"
	"testing"
)

func ruby() language {
	return language{
		loop: true,
		samples: samples{
			echo:        "def main(args)\n  puts 'hello stdout'\n  warn 'hello stderr'\n  args\nend",
			echoAsNiam:  "def niam(args)\n  args\nend",
			nonObject:   "def main(args)\n  'x'\nend",
			environment: "def main(args)\n  ENV.to_h\nend",
			unicode:     "def main(args)\n  s = \"#{args['delimiter']} ☃ #{args['delimiter']}\"\n  puts s\n  { winter: s }\nend",
			flood:       "def main(args)\n  args['lines'].times { puts 'x' * 99 }\n  {}\nend",
			midLine:     "def main(args)\n  print 'no line end'\n  $stderr.print 'no line end'\n  {}\nend",
			large:       "def main(args)\n  args\nend\n" + strings.Repeat("# a line of a large source, which says nothing\n", 12_000),
			broken:      "def main(args\n  args\nend",
			hardExit:    "def main(args)\n  puts 'before the end'\n  exit!(3)\nend",
			exitInInit:  "puts 'before the end'\nexit!(3)",
			terminated:  "def main(args)\n  Process.kill('TERM', Process.ppid)\n  sleep 1000\nend",
			child:       "def main(args)\n  puts 1\n  system('/bin/echo', '2')\n  puts 3\n  {}\nend",
			counter:     "$n = 0\ndef main(args)\n  $n += 1\n  { n: $n }\nend",
		},
		cases: []testCase{
			{"archives", func(t *testing.T, b *bench) {
				b.testLoopArchives(t, "niam", file{name: "main.rb", content: "require_relative 'lib/part'\ndef niam(args)\n  { part: part, data: File.read('data.txt') }.merge(args)\nend"},
					file{name: "lib/part.rb", content: "def part = 'of it'"})
			}},
			{"start errors", func(t *testing.T, b *bench) {
				b.testStartErrors(t, map[string]startError{
					"throws":           {code: "raise 'on purpose'", want: dead, log: "on purpose"},
					"missing package":  {code: "require 'no_such_gem'\ndef main(args) = args", want: dead, log: "no_such_gem"},
					"no such function": {code: "def other(args) = args", want: dead, log: "main"},
				})
			}},
			{"exceptions", func(t *testing.T, b *bench) {
				b.testThrown(t, "def main(args)\n  raise 'on purpose'\nend")
			}},
		},
	}
}
