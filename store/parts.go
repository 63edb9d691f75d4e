package store

import (
	"encoding/json"

	"quirl/whisk"
)

// Parts are a record as its columns: lists of records read the Document alone, since results
// and logs are the bulk of most.
type Parts struct {
	Document     []byte // the record without the others
	Result, Logs []byte // nil when there are none
}

// Split makes Parts of a record.
func Split(a *whisk.Activation) Parts {
	brief := *a
	p := Parts{Result: brief.Response.Result}
	brief.Response.Result = nil
	if len(brief.Logs) > 0 {
		p.Logs, brief.Logs = whisk.Marshal(brief.Logs), nil
	}
	p.Document = whisk.EncodeActivation(&brief)
	return p
}

// Join makes a record of its Parts; without Result and Logs it lacks these.
func (p Parts) Join() (*whisk.Activation, error) {
	a, err := whisk.DecodeActivation(p.Document)
	if err != nil {
		return nil, err
	}
	a.Response.Result = p.Result
	if p.Logs != nil {
		err = json.Unmarshal(p.Logs, &a.Logs)
	}
	return a, err
}
