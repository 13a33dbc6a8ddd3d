package config

import (
	"regexp"
	"strings"
)

// defaultAdmin is where the commands find the server.
const defaultAdmin = "unix:/run/postdesk/admin.sock"

var (
	sectionLine = regexp.MustCompile(`^\s*\[+\s*([^\]]*?)\s*\]`)
	adminLine   = regexp.MustCompile(`^\s*(listen\s*\.\s*)?admin\s*=\s*(?:"([^"\\]*)"|'([^']*)')`)
)

// AdminSocket looks for listen.admin in a file that Parse may refuse, so that
// the commands reach the server that runs although the file on the disk is
// broken. Without the key it gives the default.
func AdminSocket(data []byte) string {
	section := ""
	for line := range strings.Lines(string(data)) {
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			section = m[1]
			continue
		}
		m := adminLine.FindStringSubmatch(line)
		if m == nil || (section == "listen") == (m[1] != "") || section != "listen" && section != "" {
			continue
		}
		return m[2] + m[3]
	}
	return defaultAdmin
}
