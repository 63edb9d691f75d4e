//go:build !linux

package main

// machineMemoryMB is the machine's memory, 0 when it cannot be told.
func machineMemoryMB() int { return 8192 }
