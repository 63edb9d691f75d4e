//go:build linux && cgo

package main

import (
	"slices"

	"github.com/opencontainers/runc/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// filter is the system call filter of every box: what is not allowed is denied.
// The list is Docker's default for a container without any capability, and
// then some calls less, see withheld. Native architecture only: each further
// one costs 10 ms per box and is another door.
func filter() *configs.Seccomp {
	denied := uint(unix.EPERM)
	f := &configs.Seccomp{DefaultAction: configs.Errno, DefaultErrnoRet: &denied}
	for _, name := range allowed {
		f.Syscalls = append(f.Syscalls, &configs.Syscall{Name: name, Action: configs.Allow})
	}
	f.Syscalls = append(f.Syscalls, conditional()...)
	return f
}

// conditional holds the calls that depend on their arguments.
func conditional() []*configs.Syscall {
	missing := uint(unix.ENOSYS)
	allow := func(name string, args ...*configs.Arg) *configs.Syscall {
		return &configs.Syscall{Name: name, Action: configs.Allow, Args: args}
	}
	rules := []*configs.Syscall{
		// No new namespaces. CLONE_NEWTIME shares its bit with the exit signal, so
		// clone cannot ask for it at all.
		allow("clone", &configs.Arg{Index: 0, Value: newNamespaces, ValueTwo: 0, Op: configs.MaskEqualTo}),
		// Its flags are in memory where the filter cannot look; with ENOSYS libc
		// falls back to clone.
		{Name: "clone3", Action: configs.Errno, ErrnoRet: &missing},
		// A box must not choose to outlive its launcher.
		allow("prctl", &configs.Arg{Index: 0, Value: unix.PR_SET_PDEATHSIG, Op: configs.NotEqualTo}),
		// The families up to netlink: unix, IPv4, IPv6 and a few old ones. Those above
		// have had more holes than users (AF_PACKET, AF_ALG), or lead past the network
		// namespace to the hypervisor (AF_VSOCK).
		allow("socket", &configs.Arg{Index: 0, Value: unix.AF_PACKET, Op: configs.LessThan}),
		allow("ioctl", &configs.Arg{Index: 1, Value: unix.TIOCSTI, Op: configs.NotEqualTo}),
	}
	// Only pipes, sockets and files: devices need a capability anyway.
	for _, kind := range []uint64{unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFREG, 0} {
		rules = append(rules,
			allow("mknod", &configs.Arg{Index: 1, Value: unix.S_IFMT, ValueTwo: kind, Op: configs.MaskEqualTo}),
			allow("mknodat", &configs.Arg{Index: 2, Value: unix.S_IFMT, ValueTwo: kind, Op: configs.MaskEqualTo}))
	}
	// Personalities that debuggers and old programs ask for; what ASLR off would
	// give an attacker he has already, in his own process.
	for _, persona := range []uint64{0x0, 0x0008, 0x20000, 0x20008, 0xffffffff} {
		rules = append(rules, allow("personality", &configs.Arg{Index: 0, Value: persona, Op: configs.EqualTo}))
	}
	return rules
}

const newNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP

// withheld are calls that Docker's default allows and a box does not get: to
// look into another process, to make the kernel wait for user memory, and
// io_uring, which works past the filter. A test keeps them out of allowed.
var withheld = []string{
	"io_uring_enter", "io_uring_register", "io_uring_setup", "kcmp", "name_to_handle_at", "pidfd_getfd",
	"process_madvise", "process_mrelease", "process_vm_readv", "process_vm_writev", "ptrace", "userfaultfd",
}

var allowed = slices.Concat(
	// files
	[]string{
		"access", "cachestat", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
		"faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat",
		"fcntl", "fdatasync", "fgetxattr", "file_getattr", "file_setattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate",
		"futimesat", "getcwd", "getdents", "getdents64", "getxattr", "getxattrat", "inotify_add_watch", "inotify_init", "inotify_init1",
		"inotify_rm_watch", "lchown", "lgetxattr", "link", "linkat", "listmount", "listxattr", "listxattrat", "llistxattr", "lremovexattr", "lseek", "lsetxattr",
		"lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2",
		"pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "removexattr", "removexattrat", "rename",
		"renameat", "renameat2", "rmdir", "sendfile", "setxattr", "setxattrat", "splice", "stat", "statfs", "statmount", "statx", "symlink", "symlinkat",
		"sync", "sync_file_range", "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes",
		"vmsplice", "write", "writev",
	},
	// waiting
	[]string{
		"epoll_create", "epoll_create1", "epoll_ctl", "epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait", "epoll_wait_old",
		"eventfd", "eventfd2", "futex", "futex_requeue", "futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "io_cancel",
		"io_destroy", "io_getevents", "io_pgetevents", "io_setup", "io_submit", "membarrier", "poll", "ppoll", "pselect6",
		"restart_syscall", "select", "set_robust_list",
	},
	// memory
	[]string{
		"brk", "get_mempolicy", "madvise", "map_shadow_stack", "memfd_create", "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect",
		"mremap", "mseal", "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
		"rseq",
	},
	// processes
	[]string{
		"alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "getcpu", "getegid", "geteuid",
		"getgid", "getgroups", "getitimer", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid", "getresuid",
		"getrlimit", "getrusage", "getsid", "gettid", "getuid", "ioprio_get", "ioprio_set", "kill", "landlock_add_rule",
		"landlock_create_ruleset", "landlock_restrict_self", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr",
		"modify_ldt", "nanosleep", "clock_nanosleep", "pause", "pidfd_open", "pidfd_send_signal", "prlimit64", "riscv_hwprobe", "rt_sigaction", "rt_sigpending",
		"rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
		"sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
		"sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
		"sched_setscheduler", "sched_yield", "seccomp", "set_thread_area", "get_thread_area", "set_tid_address", "setfsgid", "setfsuid", "setgid",
		"setgroups", "setitimer", "setpgid", "setpriority", "setregid", "setresgid", "setresuid", "setreuid", "setrlimit",
		"setsid", "setuid", "sigaltstack", "signalfd", "signalfd4", "tgkill", "times", "tkill", "uname", "vfork", "wait4", "waitid",
	},
	// time and the machine
	[]string{
		"adjtimex", "clock_adjtime", "clock_getres", "clock_gettime", "getrandom", "gettimeofday", "sysinfo", "time",
		"timer_create", "timer_delete", "timer_getoverrun", "timer_gettime", "timer_settime", "timerfd_create",
		"timerfd_gettime", "timerfd_settime",
	},
	// talking
	[]string{
		"accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "mq_getsetattr", "mq_notify",
		"mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "recvfrom", "recvmmsg",
		"recvmsg", "semctl", "semget", "semop", "semtimedop", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat", "shmctl",
		"shmdt", "shmget", "shutdown", "socketpair",
	},
)
