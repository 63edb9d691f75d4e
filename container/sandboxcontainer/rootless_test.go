//go:build linux

package sandboxcontainer_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// ordinaryUser is a user id that nobody has; it needs no account.
const ordinaryUser = 54321

// TestRootless runs the tests of this package again as an ordinary user.
func TestRootless(t *testing.T) {
	needRoot(t)
	program := launcher(t)
	dir, err := os.MkdirTemp("/tmp", "qr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, ordinaryUser, ordinaryUser); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The go command keeps test programs where only their user gets.
	tests := filepath.Join(dir, "tests")
	copyFile(t, self, tests)
	cmd := exec.CommandContext(t.Context(), tests, "-test.v", "-test.run=^(TestFactory|TestEscape|TestChaos|TestImageErrors|TestMovingTag)", "-test.timeout=8m")
	cmd.Dir = dir
	archives, err := images()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{archivesVariable + "=" + filepath.Join(archives, "archives"), "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + dir, launcherVariable + "=" + program}
	for _, name := range []string{"CI", "QUIRL_SOAK"} {
		cmd.Env = append(cmd.Env, name+"="+os.Getenv(name))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as user %d: %v\n%s", ordinaryUser, err, out)
	}
	if strings.Contains(string(out), "lets no ordinary user") {
		t.Skipf("as user %d:\n%s", ordinaryUser, out)
	}
	t.Logf("as user %d:\n%s", ordinaryUser, out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}
