package couchstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/go-kivik/kivik/v4"

	"quirl/store"
	"quirl/whisk"
)

// OpenWhisk reads the databases of an OpenWhisk, and changes nothing in them. Make one with
// ReadOpenWhisk. Documents of earlier versions are understood, too.
type OpenWhisk struct {
	s       *Store // its databases only
	problem func(id string, err error)
}

var _ store.Walker = (*OpenWhisk)(nil)

// ReadOpenWhisk connects to the server of a URL as Open takes it, whose prefix is OpenWhisk's, such
// as whisk_local_. problem is called for each document that cannot be understood; the rest goes on.
func ReadOpenWhisk(ctx context.Context, u *url.URL, problem func(id string, err error)) (*OpenWhisk, error) {
	client, err := connect(u)
	if err != nil {
		return nil, err
	}
	s := &Store{client: client, link: newLink()}
	o := &OpenWhisk{s, problem}
	prefix := strings.Trim(u.Path, "/")
	for name, db := range map[string]*database{"whisks": &s.whisks, "subjects": &s.subjects, "activations": &s.activations} {
		*db = database{client.DB(prefix + name), s.link}
		err := s.link.Do(ctx, true, func(ctx context.Context) error {
			_, err := db.Stats(ctx)
			return err
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the database %s: %w", prefix+name, err), o.Close())
		}
	}
	return o, nil
}

// Close ends the connection.
func (o *OpenWhisk) Close() error { return o.s.Close() }

// WalkAudit finds none: OpenWhisk has no audit log.
func (o *OpenWhisk) WalkAudit(context.Context, string, func(store.AuditEntry) error) error {
	return nil
}

// Entries are none: OpenWhisk has no journal.
func (o *OpenWhisk) Entries(context.Context, store.JournalQuery) ([]store.JournalEntry, error) {
	return nil, nil
}

// Subjects are those of the database.
func (o *OpenWhisk) Subjects(ctx context.Context) (all []whisk.Subject, err error) {
	err = o.s.subjects.walk(ctx, "", func(d document) error {
		if strings.HasSuffix(d.ID, limitsSuffix) {
			return nil
		}
		var subject struct {
			whisk.Subject
			whisk.Key // of documents before a subject could have several namespaces
		}
		if err := json.Unmarshal(d.raw, &subject); err != nil {
			o.problem(d.ID, err)
			return nil
		}
		if subject.Name == "" {
			o.problem(d.ID, errors.New("it is no subject"))
			return nil
		}
		if len(subject.Namespaces) == 0 && subject.UUID != "" {
			subject.Namespaces = []whisk.SubjectNamespace{{Name: subject.Name, Key: subject.Key}}
		}
		all = append(all, subject.Subject)
		return nil
	})
	return all, err
}

// WalkLimits is that of store.Walker.
func (o *OpenWhisk) WalkLimits(ctx context.Context, after string, each func(string, whisk.NamespaceLimits) error) error {
	return o.s.subjects.walk(ctx, "", func(d document) error {
		namespace, is := strings.CutSuffix(d.ID, limitsSuffix)
		if !is || namespace <= after {
			return nil
		}
		l, err := d.namespaceLimits()
		if err != nil {
			o.problem(d.ID, err)
			return nil
		}
		return each(namespace, l)
	})
}

// WalkEntities is that of store.Walker; actions have their code with them.
func (o *OpenWhisk) WalkEntities(ctx context.Context, after string, each func(whisk.Entity) error) error {
	return o.s.whisks.walk(ctx, after, func(d document) error {
		e, err := readEntity(d, func(name string) ([]byte, error) { return o.s.whisks.attachment(ctx, d, name) })
		if errors.Is(err, store.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		if err != nil {
			o.problem(d.ID, err)
			return nil
		}
		return each(e)
	})
}

// WalkActivations is that of store.Walker, in the order of namespaces and ids; it leads past
// nothing, so after must be empty.
func (o *OpenWhisk) WalkActivations(ctx context.Context, after whisk.ActivationID, each func(*whisk.Activation) error) error {
	if after != "" {
		return errors.New("records of OpenWhisk are read from the beginning only")
	}
	return o.s.activations.walk(ctx, "", func(d document) error {
		a, err := whisk.DecodeActivation(whisk.Compact(d.raw))
		if err == nil && a.ID == "" {
			err = errors.New("it is no activation")
		}
		if err != nil {
			o.problem(d.ID, err)
			return nil
		}
		return each(a)
	})
}

// attachment reads one of a document's.
func (db database) attachment(ctx context.Context, d document, name string) (data []byte, err error) {
	err = db.link.Do(ctx, true, func(ctx context.Context) error {
		att, err := db.GetAttachment(ctx, d.ID, name, kivik.Rev(d.Revision))
		if err != nil {
			return err
		}
		data, err = io.ReadAll(att.Content)
		return errors.Join(err, att.Content.Close())
	})
	return data, err
}

// members are those of a JSON object.
type members map[string]json.RawMessage

// is says whether there is a member that is not null.
func (m members) is(name string) bool { return !whisk.IsNull(m[name]) }

// readEntity makes an entity of OpenWhisk's document of one; attachment returns those of the
// document.
func readEntity(d document, attachment func(name string) ([]byte, error)) (whisk.Entity, error) {
	var doc members
	if err := json.Unmarshal(d.raw, &doc); err != nil {
		return nil, err
	}
	doc["entityType"] = whisk.Marshal(entityType(d.Type, doc))
	for _, name := range []string{"trigger", "action"} { // of a rule
		if err := doc.fullName(name); err != nil {
			return nil, err
		}
	}
	if string(whisk.Compact(doc["binding"])) == "{}" { // of a package that is none
		delete(doc, "binding")
	}
	if !doc.is("exec") {
		delete(doc, "limits") // of entities that have none
		return whisk.DecodeEntity(whisk.Marshal(doc), "")
	}
	limits := whisk.ActionLimits{Timeout: 60_000, Memory: 256, Logs: 10, Concurrency: 1} // of a time when there were fewer
	if err := json.Unmarshal(doc["limits"], &limits); err != nil {
		return nil, fmt.Errorf("limits: %w", err)
	}
	doc["limits"] = whisk.Marshal(limits)
	var exec members
	if err := json.Unmarshal(doc["exec"], &exec); err != nil {
		return nil, fmt.Errorf("exec: %w", err)
	}
	from := exec["code"]
	if exec.is("jar") { // where Java's was once
		from, exec["binary"] = exec["jar"], json.RawMessage("true")
	}
	delete(exec, "code")
	delete(exec, "jar")
	code, err := readCode(from, string(exec["binary"]) == "true", attachment)
	if err != nil {
		return nil, fmt.Errorf("code: %w", err)
	}
	doc["exec"] = whisk.Marshal(exec)
	e, err := whisk.DecodeEntity(whisk.Marshal(doc), "")
	if a, ok := e.(*whisk.Action); ok && code != "" {
		a.Exec.Code = &code
	}
	return e, err
}

// entityType is what a document says it is, or what its members say where it does not.
func entityType(says string, doc members) string {
	switch {
	case says != "":
		return says
	case doc.is("exec"):
		return "action"
	case doc.is("binding"):
		return "package"
	case doc.is("trigger") && doc.is("action"):
		return "rule"
	}
	return "trigger"
}

// fullName turns the name of another entity, an object with path and name, into text.
func (m members) fullName(name string) error {
	if !m.is(name) || bytes.HasPrefix(m[name], []byte(`"`)) {
		return nil
	}
	var n whisk.PathName
	if err := json.Unmarshal(m[name], &n); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m[name] = whisk.Marshal(whisk.FullName(n))
	return nil
}

// readCode returns an action's code as text, or as base64 of what is binary. It is inline, or an
// attachment whose name is a URI: mem: has it in itself, couch: or no scheme says where it is.
func readCode(from json.RawMessage, binary bool, attachment func(name string) ([]byte, error)) (string, error) {
	if whisk.IsNull(from) {
		return "", nil
	}
	if from[0] == '"' {
		var code string
		err := json.Unmarshal(from, &code)
		return code, err
	}
	var at struct {
		Name   string `json:"attachmentName"`
		Length *int   `json:"length"`
	}
	if err := json.Unmarshal(from, &at); err != nil {
		return "", err
	}
	scheme, name, ok := strings.Cut(at.Name, ":")
	if !ok {
		scheme, name = "couch", at.Name
	}
	var data []byte
	var err error
	switch scheme {
	case "mem":
		if name, err = url.PathUnescape(name); err == nil {
			data, err = base64.URLEncoding.DecodeString(name)
		}
	case "couch":
		data, err = attachment(name)
	default:
		err = fmt.Errorf("it lies elsewhere: %s", at.Name)
	}
	if err != nil {
		return "", err
	}
	if at.Length != nil && *at.Length != len(data) {
		return "", fmt.Errorf("it has %d bytes, and should have %d", len(data), *at.Length)
	}
	if binary {
		return base64.StdEncoding.EncodeToString(data), nil
	}
	return string(data), nil
}
