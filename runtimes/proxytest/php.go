package proxytest

import (
	"archive/zip"
	"net/http"
	"os"
	"path/filepath"
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
		cases: append(loopCases("niam", []file{
			{name: "index.php", content: "<?php\nrequire 'lib/part.php';\nfunction niam(array $args): array { return ['part' => part(), 'data' => file_get_contents('data.txt')] + $args; }"},
			{name: "lib/part.php", content: "<?php\nfunction part(): string { return 'of it'; }"},
		}, map[string]startError{
			"throws":           {code: "<?php\nthrow new Exception('on purpose');", want: dead, log: "on purpose"},
			"missing package":  {code: "<?php\nrequire 'no_such.php';\nfunction main(array $args): array { return []; }", want: dead, log: "no_such.php"},
			"no such function": {code: "<?php\nfunction other(array $args): array { return []; }", want: dead, log: "main"},
		}, "<?php\nfunction main(array $args): array { throw new RuntimeException('on purpose'); }"), testCase{"packages", testPHPPackages}),
	}
}

// testPHPPackages uses the packages that functions find installed, as OpenWhisk's do;
// an archive with packages of its own has those alone. It is skipped where tools/setup
// could not fetch them, which under CI=true it must.
func testPHPPackages(t *testing.T, b *bench) {
	if _, err := os.Stat(filepath.Join(b.files, "php", "vendor", "packages.phar")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("tools/setup has not fetched the packages: %v", err)
		}
		t.Skip("tools/setup has not fetched the packages")
	}
	const code = `<?php
function main(array $args): array
{
    $client = new GuzzleHttp\Client(['timeout' => 5]);
    try {
        $client->get('http://127.0.0.1:1/');
    } catch (GuzzleHttp\Exception\ConnectException $refused) {
        $said = 'refused';
    }
    return [
        'uuid' => strlen(Ramsey\Uuid\Uuid::uuid4()->toString()),
        'request' => $said,
        'message' => (new GuzzleHttp\Psr7\Request('GET', 'http://a/b')) instanceof Psr\Http\Message\RequestInterface,
        'other' => class_exists('GuzzleHttp\NoSuch'),
    ];
}`
	c := b.start(t)
	c.mustInit(code)
	for range 2 {
		c.wantJSON(c.run(`{}`), http.StatusOK, `{"uuid":36,"request":"refused","message":true,"other":false}`)
	}
	c.wantLogs(2, "", "")
	b.runArchive(t, zipped(t, zip.Deflate,
		file{name: "index.php", content: "<?php function main(array $args): array { return ['own' => own(), 'ours' => class_exists('GuzzleHttp\\Client')]; }"},
		file{name: "vendor/autoload.php", content: "<?php function own(): int { return 1; }"},
	), "main", `{"own":1,"ours":false}`)
}
