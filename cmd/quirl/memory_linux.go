package main

import "syscall"

// machineMemoryMB is the machine's memory, 0 when it cannot be told.
func machineMemoryMB() int {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return int(uint64(info.Totalram) * uint64(info.Unit) >> 20)
}
