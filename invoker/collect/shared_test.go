package collect_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"quirl/invoker/collect"
)

// texts are the lines of a segment without their time.
func texts(s *collect.Segment) []string {
	lines, _, _ := s.Lines()
	all := make([]string, len(lines))
	for i, line := range lines {
		_, all[i], _ = strings.Cut(line, " ")
	}
	return all
}

func TestSharedOutput(t *testing.T) {
	out, errs := newStream(), newStream()
	c := collect.New(out, errs, time.Now)
	a, b := c.BeginShared("a", 1000), c.BeginShared("b", 1000)
	owner := func(id string) string { return collect.Owner + id + "\n" }
	out.print("nobody's\n" + owner("a") + "one\n" + owner("b") + "two\n" + owner("a") + "three\n" + collect.Sentinel + "\n")
	errs.print(owner("b") + "four\n" + owner("a") + collect.Sentinel + "\n")
	<-a.Done()
	select {
	case <-b.Done():
		t.Error("the end of one activation is that of another")
	default:
	}
	out.print(owner("a") + "too late\n" + owner("-") + "a child's\n" + owner("b") + collect.Sentinel + "\n")
	errs.print(owner("b") + collect.Sentinel + "\n")
	<-b.Done()
	if got, want := texts(a), []string{"stdout: one", "stdout: three"}; !slices.Equal(got, want) {
		t.Errorf("a: got %q, want %q", got, want)
	}
	got := texts(b)
	slices.Sort(got) // the streams are read beside each other
	want := []string{"stderr: four", "stdout: a child's", "stdout: nobody's", "stdout: too late", "stdout: two"}
	if !slices.Equal(got, want) {
		t.Errorf("b: got %q, want %q", got, want)
	}
	out.close()
	errs.close()
	c.Wait()
}

func TestSharedEnds(t *testing.T) {
	out, errs := newStream(), newStream()
	c := collect.New(out, errs, time.Now)
	silent, timedOut, cut := c.BeginShared("a", 1000), c.BeginShared("b", 1000), c.BeginShared("c", 1000)
	silent.EndSilently()
	if _, _, whole := silent.Lines(); !whole {
		t.Error("an activation that printed nothing is not whole")
	}
	if _, _, whole := timedOut.Lines(); whole {
		t.Error("an activation without sentinels is whole")
	}
	out.print(collect.Owner + "b\nlate\n")
	out.close()
	errs.close()
	<-cut.Done() // with the output
	if got, want := texts(cut), []string{"stdout: late"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.Wait()
	if _, err := out.Read(make([]byte, 1)); err != io.EOF {
		t.Error(err)
	}
}

// TestOwnersAreOrdinaryLines: nobody can claim output where it is not shared.
func TestOwnersAreOrdinaryLines(t *testing.T) {
	out, errs := newStream(), newStream()
	c := collect.New(out, errs, time.Now)
	s := c.Begin(1000)
	out.print(collect.Owner + "x\n" + collect.Sentinel + "\n")
	errs.print(collect.Sentinel + "\n")
	<-s.Done()
	if got := texts(s); len(got) != 1 || !strings.HasSuffix(got[0], collect.Owner+"x") {
		t.Errorf("got %q", got)
	}
	out.close()
	errs.close()
	c.Wait()
}
