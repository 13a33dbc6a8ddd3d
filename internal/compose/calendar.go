package compose

import (
	"strings"
	"time"

	"postdesk/internal/addr"
	"postdesk/internal/config"
	"postdesk/internal/message"
)

// calendarContent is a text/calendar part, RFC 6047 §2.4. It stands inline, so that clients
// show buttons and not a file.
func calendarContent(method, text string) message.Content {
	return message.DataContent(message.File{
		MediaType: "text/calendar", Params: map[string]string{"charset": "utf-8", "method": method}, Disposition: "inline",
		Data: message.BytesSource([]byte(text)),
	})
}

func calendarTime(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

var calendarEscapes = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)

// calendarText is a TEXT value, RFC 5545 §3.3.11.
func calendarText(s string) string { return calendarEscapes.Replace(strings.TrimSpace(cleanText(s))) }

// calendarParam is a quoted parameter value, which can't hold a quote: RFC 5545 §3.2.
func calendarParam(s string) string { return `"` + strings.ReplaceAll(cleanLine(s), `"`, "'") + `"` }

// isTeamAddress says whether an address is a team's own, aliases included.
func isTeamAddress(team *config.Team, a addr.Address) bool {
	if team == nil {
		return false
	}
	for _, own := range append([]addr.Address{team.Address}, team.Aliases...) {
		if a.Equal(own) {
			return true
		}
	}
	return false
}
