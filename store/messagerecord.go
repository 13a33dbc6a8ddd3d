package store

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"postdesk/internal/ticket"
)

// messageVersion is the first byte of a message's record. Length and bytes of
// its JSON follow, then its prefix with its length, then its facts: most of a
// message is these two, which JSON would keep in base64, a third larger, and read
// whenever the message is.
const messageVersion = 2

func encodeMessage(m *ticket.Message) ([]byte, error) {
	rest := *m
	rest.Prefix, rest.Facts = nil, nil
	text, err := encode(&rest)
	if err != nil {
		return nil, err
	}
	text = text[1:] // its version is ours
	b := make([]byte, 1, 1+2*binary.MaxVarintLen32+len(text)+len(m.Prefix)+len(m.Facts))
	b[0] = messageVersion
	b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	b = append(binary.AppendUvarint(b, uint64(len(m.Prefix))), m.Prefix...)
	return append(b, m.Facts...), nil
}

// decodeMessage reads a record; one of version 1 is JSON alone. The message keeps
// none of b.
func decodeMessage(b []byte, m *ticket.Message) error {
	if len(b) == 0 || b[0] != messageVersion {
		return decode(b, m)
	}
	text, b, ok := cutBytes(b[1:])
	prefix, facts, whole := cutBytes(b)
	if !ok || !whole {
		return fmt.Errorf("store: decode %T: it is cut short", m)
	}
	if err := json.Unmarshal(text, m); err != nil {
		return fmt.Errorf("store: decode %T: %w", m, err)
	}
	m.Prefix, m.Facts = append([]byte(nil), prefix...), append([]byte(nil), facts...)
	return nil
}

// cutBytes reads bytes that have their length before them.
func cutBytes(b []byte) (part, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	return b[k : k+int(n)], b[k+int(n):], true
}

func putMessage(tx Tx, number uint64, m *ticket.Message) error {
	b, err := encodeMessage(m)
	if err != nil {
		return err
	}
	return tx.Set(key(tableMessage, number, m.Seq), b)
}
