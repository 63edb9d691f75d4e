package sealedstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// KeyLength is the length of the keys of a Ring, in bytes: AES-256.
const KeyLength = 32

// prefix begins a sealed secret: sealed:RING-KEY:BASE64.
const prefix = "sealed:"

// A Ring is the keys that secrets are sealed with: new ones by the first, old ones by whatever
// they say. Make one with ParseRing. The zero Ring has none: then secrets stay as they are.
type Ring struct {
	current string
	ciphers map[string]cipher.AEAD
}

// name is what a key may be called.
var name = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// ParseRing reads lines of a name and a key in base64, the first of which is for new secrets. Empty
// lines, and what begins with #, mean nothing. Errors do not have the keys.
func ParseRing(text string) (*Ring, error) {
	r := &Ring{ciphers: map[string]cipher.AEAD{}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) != 2 || !name.MatchString(words[0]) {
			return nil, fmt.Errorf("line %d is not a name and a key", n)
		}
		if r.ciphers[words[0]] != nil {
			return nil, fmt.Errorf("line %d: there are two keys named %s", n, words[0])
		}
		key, err := base64.StdEncoding.DecodeString(words[1])
		if err != nil || len(key) != KeyLength {
			return nil, fmt.Errorf("line %d: the key %s is not %d bytes in base64", n, words[0], KeyLength)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		if r.ciphers[words[0]], err = cipher.NewGCM(block); err != nil {
			return nil, err
		}
		if r.current == "" {
			r.current = words[0]
		}
	}
	return r, nil
}

// NewRingKey makes a line for ParseRing.
func NewRingKey(name string) string {
	key := make([]byte, KeyLength)
	rand.Read(key) // never fails
	return name + " " + base64.StdEncoding.EncodeToString(key)
}

// Seal encrypts a secret for the place that bound names, by AES-GCM; without keys it returns the secret.
func (r *Ring) Seal(secret, bound string) string {
	aead := r.ciphers[r.current]
	if aead == nil {
		return secret
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return prefix + r.current + ":" + base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, []byte(secret), []byte(bound)))
}

// ErrRing says that a secret cannot be decrypted.
var ErrRing = errors.New("a secret cannot be decrypted")

// Open decrypts what Seal made for the same place. What is not sealed comes back as it is.
func (r *Ring) Open(sealed, bound string) (string, error) {
	key := keyOf(sealed)
	if key == "" {
		return sealed, nil
	}
	aead := r.ciphers[key]
	if aead == nil {
		return "", fmt.Errorf("%w: it is encrypted with the key %s, which the setting secret-keys does not have", ErrRing, key)
	}
	data, err := base64.StdEncoding.DecodeString(sealed[len(prefix)+len(key)+1:])
	if err != nil || len(data) < aead.NonceSize() {
		return "", fmt.Errorf("%w: it is damaged", ErrRing)
	}
	secret, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], []byte(bound))
	if err != nil {
		return "", fmt.Errorf("%w: it is damaged, or the key %s is another one of that name", ErrRing, key)
	}
	return string(secret), nil
}

// keyOf is the name of the key that a secret is sealed with; none of one that is not.
func keyOf(sealed string) string {
	rest, ok := strings.CutPrefix(sealed, prefix)
	if !ok {
		return ""
	}
	key, _, ok := strings.Cut(rest, ":")
	if !ok || !name.MatchString(key) {
		return ""
	}
	return key
}
