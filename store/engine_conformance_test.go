package store_test

import (
	"testing"

	"postdesk/store"
	"postdesk/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Engine {
		db, err := store.Open(store.Options{Dir: t.TempDir(), SegmentSize: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return db
	})
}
