package server

import (
	"context"
	"errors"
	"time"
)

// houseHours is how often records whose time has passed are looked for.
const houseHours = time.Hour

// snapshotHours is how often the index is read to its last checksum, and a snapshot
// of the keys lets go of the write-sets before it.
const snapshotHours = 24

// keepHouse runs until ctx ends.
func (s *Server) keepHouse(ctx context.Context) {
	tick := time.NewTicker(houseHours)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.houseRound(ctx, n%snapshotHours == 0); err != nil && ctx.Err() == nil {
				s.log.Error("housekeeping failed", "error", err)
			}
		}
	}
}

func (s *Server) houseRound(ctx context.Context, snapshot bool) error {
	err := s.Pipeline.Housekeep(ctx)
	if snapshot {
		s.warnOfCertificate()
		err = errors.Join(err, s.Store.Snapshot(ctx, true))
	}
	return err
}
