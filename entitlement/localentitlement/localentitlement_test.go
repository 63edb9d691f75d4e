package localentitlement_test

import (
	"testing"

	"quirl/entitlement"
	"quirl/entitlement/entitlementtest"
	"quirl/entitlement/localentitlement"
	"quirl/store"
	"quirl/whisk"
)

func TestEntitlement(t *testing.T) {
	entitlementtest.Run(t, func(_ *testing.T, e store.Entities, limits whisk.SystemLimits, clock *entitlementtest.Clock) entitlement.Entitlement {
		return localentitlement.New(e, limits, clock.Now)
	})
}
