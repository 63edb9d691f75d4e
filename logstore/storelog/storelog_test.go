package storelog_test

import (
	"testing"

	"quirl/logstore"
	"quirl/logstore/logstoretest"
	"quirl/logstore/storelog"
)

func TestStore(t *testing.T) {
	logstoretest.Run(t, func(*testing.T) logstore.Store { return storelog.Store{} })
}
