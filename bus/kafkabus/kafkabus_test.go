package kafkabus_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"quirl/bus"
	"quirl/bus/bustest"
	"quirl/bus/kafkabus"
	"quirl/bus/kafkabus/kafkatest"
	"quirl/internal/logtest"
	"quirl/internal/realtest"
)

// receiveURL tells a child process of TestKilled which bus to receive from, receiveNotes where
// to note positions.
const (
	receiveURL   = "QUIRL_TEST_KAFKA_URL"
	receiveNotes = "QUIRL_TEST_KAFKA_NOTES"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(receiveURL); text != "" {
		fmt.Fprintln(os.Stderr, receiveAll(text, os.Getenv(receiveNotes)))
		os.Exit(1)
	}
	realtest.Main(m)
}

// options are those of a URL, with a log of the test's.
func options(t testing.TB, u *url.URL) kafkabus.Options {
	t.Helper()
	o, err := kafkabus.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	o.Log = logtest.New(t)
	return o
}

func open(t testing.TB, o kafkabus.Options) *kafkabus.Bus {
	t.Helper()
	b, err := kafkabus.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestBus(t *testing.T) {
	broker := kafkatest.Start(t)
	bustest.Run(t, 0, func(t *testing.T) bus.Bus { return open(t, options(t, broker.Prefix(t))) })
}

func send(t *testing.T, b bus.Bus, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if err := b.Send(t.Context(), "invoker0", bus.Raw(strconv.Itoa(i))); err != nil {
			t.Fatalf("send %d: %v", i, err)
		}
	}
}

func receive(t *testing.T, b bus.Bus) (int, bus.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := b.Receive(ctx, "invoker0", "invoker0")
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	n, err := strconv.Atoi(string(d.Message().Encode()))
	if err != nil {
		t.Fatal(err)
	}
	return n, d
}

// TestReopened: a group goes on where it was, whether the local note is there or not.
func TestReopened(t *testing.T) {
	o := options(t, kafkatest.Start(t).Prefix(t))
	o.Positions = t.TempDir()
	sender := open(t, o)
	send(t, sender, 0, 10)
	first := open(t, o)
	var all []bus.Delivery
	for i := range 5 {
		n, d := receive(t, first)
		if n != i {
			t.Fatalf("got %d, want %d", n, i)
		}
		all = append(all, d)
	}
	// 0, 1 and 3 are done with, so 2 is the first that is not.
	for _, i := range []int{3, 0, 1} {
		all[i].Ack()
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	for what, folder := range map[string]string{"the same folder": o.Positions, "a fresh folder": t.TempDir(), "no folder": ""} {
		o.Positions = folder
		again := open(t, o)
		for want := 2; want < 10; want++ {
			if got, _ := receive(t, again); got != want {
				t.Errorf("with %s: got %d, want %d", what, got, want)
			}
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// receiveAll receives and prints the number of each message once it was acknowledged.
func receiveAll(text, folder string) error {
	u, err := url.Parse(text)
	if err != nil {
		return err
	}
	o, err := kafkabus.Parse(u)
	if err != nil {
		return err
	}
	o.Positions = folder
	b, err := kafkabus.Open(context.Background(), o)
	if err != nil {
		return err
	}
	for {
		d, err := b.Receive(context.Background(), "invoker0", "invoker0")
		if err != nil {
			return err
		}
		d.Ack()
		fmt.Println(string(d.Message().Encode()))
	}
}

// TestKilled kills receivers one after the other: together they get each message once; only
// the one that was acknowledged when the kill came may be missing in what was printed.
func TestKilled(t *testing.T) {
	u := kafkatest.Start(t).Prefix(t)
	b := open(t, options(t, u))
	const each, rounds = 200, 4
	folder := t.TempDir()
	next, unprinted := 0, 0
	for round := range rounds {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), receiveURL+"="+u.String(), receiveNotes+"="+folder)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		var sending sync.WaitGroup
		sending.Go(func() { send(t, b, round*each, (round+1)*each) })
		lines := bufio.NewScanner(out)
		for seen := 0; lines.Scan(); seen++ {
			if seen == each/2 {
				child.Process.Kill()
			}
			got, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			if got == next+1 && seen == 0 { // acknowledged by the one that was killed, which could not say so
				next, unprinted = next+1, unprinted+1
			}
			if got != next {
				t.Fatalf("round %d: got %d, want %d", round, got, next)
			}
			next++
		}
		child.Wait()
		sending.Wait()
	}
	t.Logf("%d messages were received by %d processes that were killed; %d were not printed", next, rounds, unprinted)
	if next < rounds*each/2 {
		t.Errorf("only %d of %d messages were received", next, rounds*each)
	}
}

// TestBrokerKilled kills the broker while messages are sent and received: nothing that Send
// confirmed is lost, nothing comes twice, and nobody has to be restarted.
func TestBrokerKilled(t *testing.T) {
	broker, err := kafkatest.New()
	realtest.Require(t, err)
	defer broker.Remove()
	o := options(t, broker.Prefix(t))
	o.Patience = 2 * time.Second
	b := open(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	const senders = 4
	var mu sync.Mutex
	confirmed, received, failed := map[string]bool{}, map[string]int{}, 0
	var sending, receiving sync.WaitGroup
	sendingCtx, stop := context.WithCancel(ctx)
	defer stop()
	for s := range senders {
		sending.Go(func() {
			for i := 0; sendingCtx.Err() == nil; i++ {
				m := fmt.Sprintf("%d/%d", s, i)
				err := b.Send(ctx, "invoker0", bus.Raw(m))
				mu.Lock()
				switch {
				case err == nil:
					confirmed[m] = true
				case errors.Is(err, bus.ErrAway):
					failed++
				default:
					t.Errorf("send: %v", err)
				}
				mu.Unlock()
				time.Sleep(time.Millisecond)
			}
		})
	}
	receiving.Go(func() {
		for {
			d, err := b.Receive(ctx, "invoker0", "invoker0")
			if err != nil {
				return
			}
			d.Ack()
			mu.Lock()
			received[string(d.Message().Encode())]++
			mu.Unlock()
		}
	})
	count := func() int { mu.Lock(); defer mu.Unlock(); return len(confirmed) }
	await := func(what string, ok func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s within a minute", what)
			}
		}
	}
	await("no 100 messages were sent", func() bool { return count() > 100 })
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	await("no send failed", func() bool { mu.Lock(); defer mu.Unlock(); return failed >= senders })
	if err := broker.Start(); err != nil {
		t.Fatal(err)
	}
	before := count()
	await("nothing is sent again", func() bool { return count() > before+100 })
	stop()
	sending.Wait()
	missing := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for m := range confirmed {
			if received[m] == 0 {
				n++
			}
		}
		return n
	}
	await("not all are received", func() bool { return missing() == 0 })
	cancel()
	receiving.Wait()
	twice, unconfirmed := 0, 0
	for m, n := range received {
		if n > 1 {
			twice++
		}
		if !confirmed[m] {
			unconfirmed++
		}
	}
	t.Logf("%d messages were confirmed and received, %d sends failed, of those %d arrived", len(confirmed), failed, unconfirmed)
	if twice > 0 {
		t.Errorf("%d messages were received twice", twice)
	}
}

func TestTooLarge(t *testing.T) {
	o := options(t, kafkatest.Start(t).Prefix(t))
	b := open(t, o)
	most := bus.Raw(strings.Repeat("x", o.MaxMessage))
	if err := b.Send(t.Context(), "invoker0", most); err != nil {
		t.Fatalf("the largest message: %v", err)
	}
	if err := b.Send(t.Context(), "invoker0", append(most, 'x')); !errors.Is(err, bus.ErrTooLarge) {
		t.Errorf("a larger one: got %v, want %v", err, bus.ErrTooLarge)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	d, err := b.Receive(ctx, "invoker0", "invoker0")
	if err != nil || len(d.Message().Encode()) != len(most) {
		t.Errorf("the largest message is not received: %v", err)
	}
}

// TestTopics: topics are kept for as long as an operator of OpenWhisk knows it.
func TestTopics(t *testing.T) {
	u := kafkatest.Start(t).Prefix(t)
	b := open(t, options(t, u))
	client, err := kgo.NewClient(kgo.SeedBrokers(u.Host))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	for topic, want := range map[string]time.Duration{
		"invoker7": 48 * time.Hour, "completed0": time.Hour, "health": time.Hour, "cacheInvalidation": 5 * time.Minute, "events": time.Hour,
	} {
		if err := b.Send(t.Context(), topic, bus.Raw("{}")); err != nil {
			t.Fatal(err)
		}
		configs, err := admin.DescribeTopicConfigs(t.Context(), strings.Trim(u.Path, "/")+topic)
		if err != nil || len(configs) != 1 {
			t.Fatal(configs, err)
		}
		got := map[string]string{}
		for _, c := range configs[0].Configs {
			got[c.Key] = c.MaybeValue()
		}
		if got["retention.ms"] != fmt.Sprint(want.Milliseconds()) || got["retention.bytes"] != "1073741824" || got["segment.bytes"] != "536870912" {
			t.Errorf("topic %s keeps %s ms, %s bytes in segments of %s", topic, got["retention.ms"], got["retention.bytes"], got["segment.bytes"])
		}
	}
}

// TestSecure speaks TLS, with both ways to show a password, and says what is wrong when something is.
func TestSecure(t *testing.T) {
	broker := kafkatest.Start(t)
	ca := filepath.Join(broker.Dir(), "tls", "ca.pem")
	at := func(user, settings string) *url.URL {
		u := broker.Prefix(t)
		u.Scheme, u.Host = "kafkas", fmt.Sprint("127.0.0.1:", broker.Port()+2)
		u.User = url.UserPassword("quirl", user)
		u.RawQuery = settings
		return u
	}
	for _, mechanism := range []string{"plain", "scram-sha-512"} {
		b := open(t, options(t, at("secret", "ca="+ca+"&mechanism="+mechanism)))
		send(t, b, 0, 3)
		for want := range 3 {
			if got, d := receive(t, b); got != want {
				t.Errorf("%s: got %d, want %d", mechanism, got, want)
			} else {
				d.Ack()
			}
		}
	}
	for what, c := range map[string]struct{ password, settings, want string }{
		"a wrong password":    {"wrong", "ca=" + ca, "SASL"},
		"another's authority": {"secret", "", "certificate"},
	} {
		o := options(t, at(c.password, c.settings+"&patience=2s"))
		if b, err := kafkabus.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: got %v, %v; want an error about %s", what, b, err, c.want)
		}
	}
}

func TestNobodyThere(t *testing.T) {
	u, err := url.Parse("kafka://127.0.0.1:1/?patience=300ms")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := kafkabus.Open(t.Context(), options(t, u)); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1 cannot be reached") {
		t.Errorf("got %v, %v", b, err)
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"kafka://one":                         "",
		"kafka://one:1/p?brokers=two,three:3": "",
		"kafka://u:p@one?mechanism=plain":     "",
		"kafka:///p":                          "the URL of Kafka has no host",
		"kafka://one?replicas=many":           `setting replicas of Kafka: strconv.ParseInt: parsing "many": invalid syntax`,
		"kafka://one?colour=red":              "setting colour of Kafka: there is no such setting",
		"kafka://one?mechanism=magic":         "there is no mechanism MAGIC; there are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512",
		"kafka://one?ca=x":                    "certificates are for kafkas://, and the URL has the scheme kafka",
		"kafkas://one?ca=nowhere":             "authorities of Kafka's brokers: open nowhere: no such file or directory",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kafkabus.Parse(u); fmt.Sprint(err) != want && (want != "" || err != nil) {
			t.Errorf("%s: got error %v, want %q", text, err, want)
		}
	}
	u, _ := url.Parse("kafka://u:p@one/dev-?brokers=two,three:3&replicas=3&max-message=5&patience=1m")
	o, err := kafkabus.Parse(u)
	if err != nil || strings.Join(o.Brokers, " ") != "one:9092 two:9092 three:3" || o.Prefix != "dev-" || o.Replicas != 3 || o.MaxMessage != 5 || o.Patience != time.Minute || o.User != "u" || o.Password != "p" {
		t.Errorf("got %+v, %v", o, err)
	}
}
