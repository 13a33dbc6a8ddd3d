package alike

import (
	"math/rand/v2"
	"testing"
)

func TestWithinIsDistance(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	word := func() string {
		b := make([]byte, r.IntN(7))
		for i := range b {
			b[i] = "abcABC\xc3\xa9"[r.IntN(8)]
		}
		return string(b)
	}
	near := 0
	for range 20000 {
		a, b, most := word(), word(), r.IntN(4)
		d, ok := Within(a, b, most)
		if want := Distance(a, b); ok != (want <= most) || ok && d != want {
			t.Fatalf("%q, %q within %d: %d, %v; they are %d apart", a, b, most, d, ok, want)
		}
		if ok {
			near++
		}
	}
	if near < 1000 {
		t.Errorf("only %d were near", near)
	}
}
