package server_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"postdesk/internal/testkit"
)

// wholeSize is the PAX record of a file whose zeros at the end were left out: the
// journal's segments and Badger's files are preallocated.
const wholeSize = "POSTDESK.size"

// dataDirectory is one of the series, unpacked.
type dataDirectory struct {
	dir   string
	made  time.Time           // by the clock of its desk
	mails map[string]received // that people have of it
}

// packDataDirectory writes data/…, mails/… and the time of making to an archive.
func packDataDirectory(t *testing.T, name, data string, mails map[string]received, made time.Time) {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	add := func(name string, content []byte, size int64) {
		h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), Format: tar.FormatPAX}
		if size > h.Size {
			h.PAXRecords = map[string]string{wholeSize: strconv.FormatInt(size, 10)}
		}
		err = errors.Join(err, w.WriteHeader(h))
		_, werr := w.Write(content)
		err = errors.Join(err, werr)
	}
	add("made", []byte(made.UTC().Format(time.RFC3339)), 0)
	for name, m := range mails {
		add("mails/"+name, m.Raw, 0)
	}
	walked := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "LOCK" || e.Name() == "lock" {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(data, path)
		add("data/"+filepath.ToSlash(rel), bytes.TrimRight(content, "\x00"), int64(len(content)))
		return err
	})
	if err := errors.Join(err, walked, w.Close(), z.Close(), os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %d KB", name, b.Len()>>10)
}

// unpackDataDirectory makes a folder of its own.
func unpackDataDirectory(t *testing.T, name string) *dataDirectory {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	d := &dataDirectory{dir: filepath.Join(t.TempDir(), "data"), mails: map[string]received{}}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return d
		}
		if err == nil {
			err = d.unpack(t, h, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (d *dataDirectory) unpack(t *testing.T, h *tar.Header, r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(h.Name, "mails/"); ok {
		d.mails[name] = parse(t, testkit.Received{Raw: content})
		return nil
	}
	name, ok := strings.CutPrefix(h.Name, "data/")
	if !ok {
		d.made, err = time.Parse(time.RFC3339, string(content))
		return err
	}
	path := filepath.Join(d.dir, filepath.FromSlash(name))
	err = errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600))
	if whole := h.PAXRecords[wholeSize]; whole != "" && err == nil {
		size, perr := strconv.ParseInt(whole, 10, 64)
		err = errors.Join(perr, os.Truncate(path, size))
	}
	return err
}
