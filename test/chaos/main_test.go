package chaos_test

import (
	"testing"

	"quirl/internal/realtest"
)

func TestMain(m *testing.M) { realtest.Main(m) }
