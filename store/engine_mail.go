package store

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync/atomic"

	"postdesk/internal/message"
	"postdesk/store/journal"
)

// mail is a stored mail. While its batch is being written its bytes are those of the source; from
// the commit on, those of the journal.
type mail struct {
	db     *DB
	id     MailID
	span   journal.Span
	source atomic.Pointer[message.Source]
}

func (m *mail) ID() MailID                { return m.id }
func (m *mail) Size() int64               { return m.span.Length }
func (m *mail) SHA256() [sha256.Size]byte { return m.span.SHA256 }

// ReadAt reads without looking at the checksum, which is of the whole mail: see NewReader. The
// end of the mail is io.EOF.
func (m *mail) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("store: negative offset")
	}
	if off >= m.span.Length {
		return 0, io.EOF
	}
	short := int64(len(p)) > m.span.Length-off
	if short {
		p = p[:m.span.Length-off]
	}
	n, err := m.read(p, off)
	switch {
	case n == len(p) && short:
		return n, io.EOF
	case n == len(p):
		return n, nil
	case errors.Is(err, io.EOF):
		err = fmt.Errorf("%w: mail %d is cut short: run `postdesk verify`", ErrDamaged, m.id)
	}
	return n, err
}

func (m *mail) read(p []byte, off int64) (int, error) {
	if src := m.source.Load(); src != nil {
		return (*src).ReadAt(p, off)
	}
	return m.db.journal.ReadAt(m.span.Segment, p, m.span.Offset+off)
}

// NewReader reads a mail from the beginning and compares its SHA-256 at the end: the last Read
// is io.EOF when it is right, and ErrDamaged when it is not. What must not be sent
// damaged has to wait for the end.
func NewReader(m Mail) io.Reader {
	return &checkingReader{m: m, r: io.NewSectionReader(m, 0, m.Size()), h: sha256.New()}
}

type checkingReader struct {
	m Mail
	r io.Reader
	h hash.Hash
}

func (c *checkingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.h.Write(p[:n])
	if err == io.EOF {
		if want := c.m.SHA256(); string(c.h.Sum(nil)) != string(want[:]) {
			return n, fmt.Errorf("%w: mail %d has not the SHA-256 that it was stored with: run `postdesk verify`", ErrDamaged, c.m.ID())
		}
	}
	return n, err
}

// CheckMail reads a mail to the end and compares its SHA-256.
func CheckMail(m Mail) error {
	_, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{NewReader(m)}, make([]byte, min(max(m.Size(), 512), 256<<10)))
	return err
}

// Mail opens a mail.
func (t *readTx) Mail(id MailID) (Mail, error) {
	if t.ended {
		return nil, errEnded
	}
	e, err := t.entry(id)
	if err != nil {
		return nil, err
	}
	if e.erased {
		return nil, fmt.Errorf("mail %d: %w", id, ErrErased)
	}
	if t.b != nil && t.b.put[id] != nil {
		return t.b.put[id], nil
	}
	return &mail{db: t.db, id: id, span: e.span}, nil
}

func (t *readTx) entry(id MailID) (mailEntry, error) {
	b, err := t.get(mailKey(prefixMail, id))
	if err != nil {
		return mailEntry{}, fmt.Errorf("mail %d: %w", id, err)
	}
	return decodeMailEntry(b)
}
