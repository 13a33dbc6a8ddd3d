package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"postdesk/internal/addr"
	"postdesk/server"
)

// withAMail is a data directory with a mail in it, and the path and text of its token key.
func withAMail(t *testing.T) (s *shell, path string, key []byte) {
	t.Helper()
	s = newShell(t)
	s.serve()
	s.customer("jean@client.example", "relationclient@example.com", "a@client.example", "Question", "Bonjour\r\n")
	s.stop()
	path = filepath.Join(s.dir, "data", server.KeyFile)
	key, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return s, path, key
}

// A token key that is gone: verify says so, the server does not start, and --rebuild makes a new one
// and says what is lost with the old.
func TestVerifyOfAMissingTokenKey(t *testing.T) {
	t.Parallel()
	s, path, key := withAMail(t)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.fails(1, "the token key is missing", "verify")
	s.fails(1, "backup", "serve")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Fatalf("a key was made in silence: %v", err)
	}
	if out := s.postdesk("verify", "--rebuild"); !strings.Contains(out, "a new token key was made. Lost:") {
		t.Errorf("--rebuild says %q", out)
	}
	made, err := os.ReadFile(path)
	if err != nil || string(made) == string(key) {
		t.Errorf("the key is %q, %v", made, err)
	}
	if out := s.postdesk("verify"); out != "ok\n" {
		t.Errorf("verify says %q", out)
	}
	s.serve()
}

// A token key that has lost a bit, or all: verify and the server say so, and nothing replaces it but an
// admin's hand. Put back from a backup it serves again.
func TestVerifyOfADamagedTokenKey(t *testing.T) {
	t.Parallel()
	s, path, key := withAMail(t)
	flipped := []byte(strings.Clone(string(key)))
	at := strings.LastIndexByte(strings.TrimSpace(string(key)), ' ') - 5 // in the secret
	flipped[at] ^= 1
	for name, bad := range map[string][]byte{"flipped": flipped, "emptied": nil} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s.fails(1, "backup", "verify")
		s.fails(1, "backup", "serve")
		s.fails(1, "backup", "verify", "--rebuild")
		if now, err := os.ReadFile(path); err != nil || string(now) != string(bad) {
			t.Errorf("%s: the file was replaced: %q, %v", name, now, err)
		}
	}
	if err := os.WriteFile(path, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if out := s.postdesk("verify"); out != "ok\n" {
		t.Errorf("verify says %q", out)
	}
	if _, err := addr.LoadKeyRing(path); err != nil {
		t.Error(err)
	}
}
