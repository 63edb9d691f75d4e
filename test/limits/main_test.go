package limits_test

import (
	"testing"

	"quirl/test/schema"
)

func TestMain(m *testing.M) { schema.Main(m) }
