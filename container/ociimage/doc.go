// Package ociimage gets OCI images and unpacks each of them once, into a folder.
//
// It promises that an unpacked image is complete or not there, that nothing in an
// image can write outside of its folder, that one image is fetched and unpacked
// once however many ask for it, and that what was unpacked can be used without a
// network. An image comes from an archive in a folder of archives when one of them
// has it, else from its registry, with the credentials of Docker's configuration.
//
// In an unpacked image everything can be read and written by everybody: who starts
// programs in it decides by the way of mounting who may write, and where to. The
// folder around it can be entered by its owner alone. Devices, owners, set-id bits
// and extended attributes are left out.
//
// Read store.go, then source.go and archive.go for where images are from, and
// unpack.go for what becomes of their layers.
package ociimage
