package runtimes

import (
	"runtime"
	"syscall"
)

// endWithUs has a command killed when this process ends, however that is. The command must be
// started, and waited for, between the call and that of release: the kernel looks at the thread.
func endWithUs(attr *syscall.SysProcAttr) (release func()) {
	runtime.LockOSThread()
	attr.Pdeathsig = syscall.SIGKILL
	return runtime.UnlockOSThread
}
