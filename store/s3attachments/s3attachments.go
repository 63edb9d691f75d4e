// Package s3attachments keeps code in a bucket of S3, or of a server that speaks its protocol
// (MinIO, Ceph, Google's and other clouds' storage): for several controllers and invokers.
//
// It promises what store.Attachments promises. An object is named by the SHA-256 of its bytes,
// so it never changes, and damage is found when it is read.
package s3attachments

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"quirl/store"
)

// maxAttachment bounds what is read of an object, in bytes: the largest code, and room.
const maxAttachment = 128 << 20

// Attachments are objects below a prefix of a bucket. Make them with Open.
type Attachments struct {
	client *minio.Client
	bucket string
	prefix string // empty, or with a slash at its end
}

var (
	_ store.Attachments = (*Attachments)(nil)
	_ store.Collector   = (*Attachments)(nil)
)

// Open opens the bucket of a URL, s3://host[:port]/bucket[/prefix], with the settings region,
// secure=false for a server without TLS, and create=true to make the bucket when it is not there. Access
// and secret key are the URL's user and password, or come from where clients of AWS find
// them: the environment, ~/.aws/credentials, or the machine's role.
func Open(ctx context.Context, u *url.URL) (*Attachments, error) {
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if u.Host == "" || bucket == "" {
		return nil, errors.New("host and bucket are needed: s3://host/bucket/prefix")
	}
	q := u.Query()
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentialsOf(u), Secure: q.Get("secure") != "false", Region: q.Get("region"), MaxRetries: 3,
	})
	if err != nil {
		return nil, err
	}
	a := &Attachments{client: client, bucket: bucket}
	if prefix != "" {
		a.prefix = prefix + "/"
	}
	there, err := client.BucketExists(ctx, bucket)
	switch {
	case err != nil:
		return nil, away(err)
	case !there && q.Get("create") == "true":
		if err := client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: q.Get("region")}); err != nil {
			return nil, fmt.Errorf("make the bucket %s: %w", bucket, err)
		}
	case !there:
		return nil, fmt.Errorf("there is no bucket %s: make it, or let it be made with create=true", bucket)
	}
	return a, nil
}

func credentialsOf(u *url.URL) *credentials.Credentials {
	if secret, ok := u.User.Password(); ok {
		return credentials.NewStaticV4(u.User.Username(), secret, "")
	}
	return credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.EnvMinio{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}},
	})
}

// away marks what is about the connection, not about the request.
func away(err error) error {
	if minio.ToErrorResponse(err).Code == "" || minio.ToErrorResponse(err).StatusCode >= http.StatusInternalServerError {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// sumOfNothing is the SHA-256 of no bytes.
const sumOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (a *Attachments) key(sum string) string { return path.Join(a.prefix, sum[:2], sum) }

// PutAttachment is that of store.Attachments. What is there already is put again: its
// time tells who looks for unused ones that it is wanted.
func (a *Attachments) PutAttachment(ctx context.Context, data []byte) (string, error) {
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	if len(data) == 0 { // which needs no object, and which some servers do not take
		return name, nil
	}
	_, err := a.client.PutObject(ctx, a.bucket, a.key(name), bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true, SendContentMd5: true})
	if err != nil {
		return "", fmt.Errorf("put attachment: %w", away(err))
	}
	return name, nil
}

// Attachment is that of store.Attachments.
func (a *Attachments) Attachment(ctx context.Context, sum string) ([]byte, error) {
	if !isSum(sum) {
		return nil, store.ErrNotFound
	}
	if sum == sumOfNothing {
		return []byte{}, nil
	}
	object, err := a.client.GetObject(ctx, a.bucket, a.key(sum), minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("get attachment: %w", away(err))
	}
	defer object.Close()
	data, err := io.ReadAll(io.LimitReader(object, maxAttachment))
	if isMissing(err) {
		return nil, store.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("get attachment: %w", away(err))
	}
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, fmt.Errorf("attachment %s is damaged: its sum is %x", sum, got)
	}
	return data, nil
}

func isSum(name string) bool {
	_, err := hex.DecodeString(name)
	return err == nil && len(name) == 2*sha256.Size && strings.ToLower(name) == name
}

func isMissing(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return code == minio.NoSuchKey || code == "NotFound"
}

// Sums is that of store.Collector.
func (a *Attachments) Sums(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx) // which ends the listing
	defer cancel()
	var sums []string
	for object := range a.client.ListObjects(ctx, a.bucket, minio.ListObjectsOptions{Prefix: a.prefix, Recursive: true}) {
		if object.Err != nil {
			return nil, fmt.Errorf("list attachments: %w", away(object.Err))
		}
		if name := path.Base(object.Key); isSum(name) && object.Key == a.key(name) {
			sums = append(sums, name)
		}
	}
	return sums, ctx.Err()
}

// Remove is that of store.Collector. The protocol has no way to remove an object only if it
// has not changed: one that is put in the very moment of its removal is lost.
func (a *Attachments) Remove(ctx context.Context, sum string, unlessPutAfter time.Time) (bool, error) {
	if !isSum(sum) {
		return false, nil
	}
	info, err := a.client.StatObject(ctx, a.bucket, a.key(sum), minio.StatObjectOptions{})
	if isMissing(err) || err == nil && info.LastModified.After(unlessPutAfter) {
		return false, nil
	}
	if err == nil {
		err = a.client.RemoveObject(ctx, a.bucket, a.key(sum), minio.RemoveObjectOptions{})
	}
	if err != nil {
		return false, away(err)
	}
	return true, nil
}
