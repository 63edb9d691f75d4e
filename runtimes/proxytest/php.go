package proxytest

import (
	"strings"
	"testing"
)

func php() language {
	return language{
		loop: true,
		samples: samples{
			echo:        "<?php\nfunction main(array $args): array { echo \"hello stdout\\n\"; fwrite(STDERR, \"hello stderr\\n\"); return $args; }",
			echoAsNiam:  "<?php\nfunction niam(array $args): array { return $args; }",
			nonObject:   "<?php\nfunction main(array $args) { return 'x'; }",
			environment: "<?php\nfunction main(array $args): array { return getenv(); }",
			unicode:     "<?php\nfunction main(array $args): array { $d = $args['delimiter']; $s = \"$d ☃ $d\"; echo $s, \"\\n\"; return ['winter' => $s]; }",
			flood:       "<?php\nfunction main(array $args): array { for ($i = 0; $i < $args['lines']; $i++) { echo str_repeat('x', 99), \"\\n\"; } return []; }",
			midLine:     "<?php\nfunction main(array $args): array { echo 'no line end'; fwrite(STDERR, 'no line end'); return []; }",
			large:       "<?php\nfunction main(array $args): array { return $args; }\n" + strings.Repeat("# a line of a large source, which says nothing\n", 12_000),
			broken:      "<?php\nfunction main(array $args { return []; }",
			hardExit:    "<?php\nfunction main(array $args): array { echo \"before the end\\n\"; exit(3); }",
			exitInInit:  "<?php\necho \"before the end\\n\"; exit(3);",
			terminated:  "<?php\nfunction main(array $args): array { passthru('kill $(grep PPid /proc/$PPID/status | cut -f 2)'); sleep(1000); return []; }",
			child:       "<?php\nfunction main(array $args): array { echo \"1\\n\"; flush(); passthru('/bin/echo 2'); echo \"3\\n\"; return []; }",
			counter:     "<?php\n$n = 0;\nfunction main(array $args): array { static $n = 0; return ['n' => ++$n]; }",
		},
		// An array of PHP does not tell an empty object from an empty list.
		same: map[string]string{`{"object":{"a":"A","b":[true,false,null,{}]}}`: `{"object":{"a":"A","b":[true,false,null,[]]}}`},
		cases: []testCase{
			{"archives", func(t *testing.T, b *bench) {
				b.testLoopArchives(t, "niam", file{name: "index.php", content: "<?php\nrequire 'lib/part.php';\nfunction niam(array $args): array { return ['part' => part(), 'data' => file_get_contents('data.txt')] + $args; }"},
					file{name: "lib/part.php", content: "<?php\nfunction part(): string { return 'of it'; }"})
			}},
			{"start errors", func(t *testing.T, b *bench) {
				b.testStartErrors(t, map[string]startError{
					"throws":           {code: "<?php\nthrow new Exception('on purpose');", want: dead, log: "on purpose"},
					"missing package":  {code: "<?php\nrequire 'no_such.php';\nfunction main(array $args): array { return []; }", want: dead, log: "no_such.php"},
					"no such function": {code: "<?php\nfunction other(array $args): array { return []; }", want: dead, log: "main"},
				})
			}},
			{"exceptions", func(t *testing.T, b *bench) {
				b.testThrown(t, "<?php\nfunction main(array $args): array { throw new RuntimeException('on purpose'); }")
			}},
		},
	}
}
