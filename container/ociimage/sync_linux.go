package ociimage

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncFiles brings all files of dir's file system to the disk at once, so that an
// image whose folder has its name after a crash of the machine has its files too.
func syncFiles(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(folder.Fd())))
}
