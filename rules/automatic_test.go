package rules

import "testing"

func TestAutomatic(t *testing.T) {
	for name, change := range map[string]func(*AckFacts){
		"vacation answer":  header("Auto-Submitted", "auto-replied"),
		"robot":            header("X-Autoreply", "yes"),
		"newsletter":       header("Precedence", "bulk"),
		"other desk":       header("X-Loop", "desk@other.test"),
		"receipt":          header("Content-Type", "multipart/report; report-type=disposition-notification"),
		"old-style answer": subject("Absence du bureau"),
	} {
		f := humanMail()
		change(f)
		if !Automatic(f) {
			t.Errorf("%s is taken for a person's", name)
		}
	}
	for name, change := range map[string]func(*AckFacts){
		"a customer":                  func(*AckFacts) {},
		"a customer, not backed":      func(f *AckFacts) { f.Backed = false },
		"a customer, without a reply": header("X-Auto-Response-Suppress", "DR, RN"),
		"no-reply@":                   target("no-reply"),
	} {
		f := humanMail()
		change(f)
		if Automatic(f) {
			t.Errorf("%s is taken for a program's", name)
		}
	}
}
