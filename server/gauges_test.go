package server

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// A disk that stays low is one line in the log, and one when it is over.
func TestALowDiskIsLoggedOnce(t *testing.T) {
	var log bytes.Buffer
	free, inodes, now := uint64(2000), uint64(5000), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var fault error
	w := &watcher{look: func() (uint64, uint64, error) { return free, inodes, fault }, now: func() time.Time { return now },
		log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, step := range []struct {
		free, inodes uint64
		fault        error
		low          bool
		line         string
	}{
		{2000, 5000, nil, false, ""},
		{900, 5000, nil, true, "level=WARN msg=\"low disk: mail is answered with 452\" free_bytes=900 min_free_bytes=1000"},
		{800, 5000, nil, true, ""},
		{1200, 5000, nil, false, "level=INFO msg=\"the disk has room again"},
		{1200, 5000, nil, false, ""},
		{1200, 10, nil, true, "free_inodes=10"},
		{1200, 0, nil, false, "level=INFO"},
		{0, 0, errors.New("gone"), true, "error=gone"},
	} {
		free, inodes, fault, now = step.free, step.inodes, step.fault, now.Add(time.Minute)
		log.Reset()
		if got := w.low(1000); got != step.low || !strings.Contains(log.String(), step.line) || (step.line == "") != (log.Len() == 0) {
			t.Errorf("%+v: %t, %s", step, got, &log)
		}
	}
}
