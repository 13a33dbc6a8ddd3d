package config

import "testing"

func TestAdminSocketOfABrokenFile(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     defaultAdmin,
		"hostname = \n[listen]\nmx = [\"x\"\n": defaultAdmin,
		"oops\n[listen]\nadmin = \"unix:/a.sock\" # ours\n":                      "unix:/a.sock",
		"[listen] # where\n  admin='unix:/b.sock'\r\n[[team]]\nadmin = \"no\"\n": "unix:/b.sock",
		"listen.admin = \"\"\n": "",
		"listen . admin = \"unix:/c.sock\"\n[team]\nlisten.admin = \"unix:/no\"\n": "unix:/c.sock",
		"admin = \"unix:/no\"\n[dns]\nadmin = \"unix:/no\"\n":                      defaultAdmin,
	} {
		if got := AdminSocket([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzAdminSocket(f *testing.F) {
	f.Add([]byte("[listen]\nadmin = \"unix:/a.sock\"\n"))
	f.Add([]byte("listen.admin='x'\n[[\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := AdminSocket(data)
		c, err := Parse("x", data)
		if err == nil && c.Listen.Admin != got && got != defaultAdmin {
			t.Errorf("%q, the file says %q", got, c.Listen.Admin)
		}
	})
}
