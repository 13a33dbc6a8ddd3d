package server

import (
	"context"
	"time"
)

// houseHours is how often records whose time has passed are looked for.
const houseHours = time.Hour

// keepHouse runs until ctx ends.
func (s *Server) keepHouse(ctx context.Context) {
	tick := time.NewTicker(houseHours)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Pipeline.Housekeep(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("housekeeping failed", "error", err)
			}
		}
	}
}
