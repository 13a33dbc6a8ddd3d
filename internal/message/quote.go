package message

import (
	"strings"
)

// maxQuoteText is how much of a text SplitQuote looks at. The rest goes with
// what stands before it.
const maxQuoteText = 1 << 20

// SplitQuote cuts the text of a reply where the new text ends and the quote
// begins; fresh+quoted is the text. It knows the attribution lines, separators
// and quoted headers of the usual programs in many languages, and ">" at the
// beginning of lines. In doubt it takes nothing away: text written below or
// between quoted lines makes all of it fresh.
func SplitQuote(text string) (fresh, quoted string) {
	q := newQuoteFinder(text)
	i := q.find()
	if i >= len(q.lines) {
		return text, ""
	}
	at := q.offset[i]
	return text[:at], text[at:]
}

// quoteFinder holds the lines of a text: as they are for offsets, and trimmed
// with plain spaces for reading.
type quoteFinder struct {
	lines   []string
	offset  []int
	read    []readLine // what is known of each line
	end     int        // where the last line ends
	lastNew int        // the last line of new text, -1 if there is none
}

// readLine is what was found out about a line: each is asked by several of those
// above it, and read once.
type readLine struct {
	asked          lineFact
	is             lineFact // of those that were asked
	header         headerKind
	attributedOver int8 // the lines of the attribution that begins here
}

// lineFact is a set of what may be known of a line.
type lineFact uint8

const (
	isAttribution     lineFact = 1 << iota
	isStrong                   // with isAttribution
	isOpener                   // an attribution over several lines may begin here
	isHeader                   // header is known
	beginsAttribution          // attributedOver is known
	beginsStrong               // with beginsAttribution
)

func newQuoteFinder(text string) *quoteFinder {
	q := readLines(text, maxQuoteText)
	q.lastNew = q.findLastNew()
	return q
}

// readLines takes the lines of the first n bytes.
func readLines(text string, n int) *quoteFinder {
	text = limit(text, n)
	count := strings.Count(text, "\n") + 1
	q := &quoteFinder{lines: make([]string, 0, count), offset: make([]int, 0, count), read: make([]readLine, count)}
	for line := range strings.Lines(text) {
		q.offset = append(q.offset, q.end)
		q.lines = append(q.lines, plainSpaces(line))
		q.end += len(line)
	}
	return q
}

// plainSpaces trims a line and replaces the spaces that typography puts before
// colons.
func plainSpaces(line string) string {
	if !isASCII(line) {
		line = strings.Map(func(r rune) rune {
			switch {
			case r == 0xa0 || r == 0x202f || r == 0x2009:
				return ' '
			case r == 0x200e || r == 0x200f || r == 0x200b || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
				return -1
			}
			return r
		}, line)
	}
	return strings.TrimSpace(line)
}

// find returns the first line of the quote, or the number of lines.
func (q *quoteFinder) find() int {
	run := q.trailingRun()
	for i := range q.lines {
		if i >= run {
			break
		}
		if q.isSeparator(i) || q.isHeaderBlock(i) {
			return q.above(i)
		}
		if n, strong := q.attributionAt(i); n > 0 && q.restIsQuote(i+n, strong) {
			return q.above(i)
		}
	}
	return run
}

// above moves the beginning of a quote up over rulers that stand on top of it.
func (q *quoteFinder) above(i int) int {
	for j := i - 1; j >= 0 && j >= i-3; j-- {
		if isRuler(q.lines[j]) {
			i = j
		} else if q.lines[j] != "" {
			break
		}
	}
	return i
}

// isSeparator is true for lines such as "-----Original Message-----".
func (q *quoteFinder) isSeparator(i int) bool {
	line := q.lines[i]
	if len(line) < 5 || len(line) > 200 {
		return false
	}
	return isSeparatorLine(line) || isForwardIntro(line)
}

// isHeaderBlock is true if the line begins the header of a quoted mail: From and
// two other fields, of which one is what only mail programs write. A customer's
// "From: Paris, To: Lyon, Date: …" is not enough.
func (q *quoteFinder) isHeaderBlock(i int) bool {
	if q.header(i) != fromHeader {
		return false
	}
	var seen [otherHeader + 1]bool
	strangers := 0
	for j := i; j < len(q.lines) && j < i+10; j++ {
		kind := q.header(j)
		if kind == noHeader {
			if strangers++; strangers > 2 {
				break
			}
			continue
		}
		seen[kind] = true
	}
	kinds := 0
	for _, kind := range []headerKind{sentHeader, toHeader, subjectHeader} {
		if seen[kind] || kind == sentHeader && seen[dateHeader] {
			kinds++
		}
	}
	return kinds >= 2 && (seen[subjectHeader] || seen[sentHeader])
}

// header is headerLine of line i.
func (q *quoteFinder) header(i int) headerKind {
	known := &q.read[i]
	if known.asked&isHeader == 0 {
		known.asked |= isHeader
		known.header = headerLine(q.lines[i])
	}
	return known.header
}

// alone tells whether line i is an attribution by itself.
func (q *quoteFinder) alone(i int) (is, strong bool) {
	known := &q.read[i]
	if known.asked&isAttribution == 0 {
		known.asked |= isAttribution
		if is, strong = attribution(q.lines[i]); is {
			known.is |= isAttribution
		}
		if strong {
			known.is |= isStrong
		}
	}
	return known.is&isAttribution != 0, known.is&isStrong != 0
}

// opens is opensAttribution of line i.
func (q *quoteFinder) opens(i int) bool {
	known := &q.read[i]
	if known.asked&isOpener == 0 {
		known.asked |= isOpener
		if opensAttribution(q.lines[i]) {
			known.is |= isOpener
		}
	}
	return known.is&isOpener != 0
}

// attributionAt returns how many lines the attribution at line i has, 0 if there
// is none. What may begin further down decides, so that a paragraph is read from
// below.
func (q *quoteFinder) attributionAt(i int) (n int, strong bool) {
	known := &q.read[i]
	if known.asked&beginsAttribution == 0 {
		last := i
		for last+1 < len(q.lines) && q.lines[last] != "" && q.read[last+1].asked&beginsAttribution == 0 {
			last++
		}
		for ; last >= i; last-- {
			q.findAttributionAt(last)
		}
	}
	return int(known.attributedOver), known.is&beginsStrong != 0
}

func (q *quoteFinder) findAttributionAt(i int) {
	n, strong := q.findAttribution(i)
	known := &q.read[i]
	known.asked |= beginsAttribution
	known.attributedOver = int8(n)
	if strong {
		known.is |= beginsStrong
	}
}

func (q *quoteFinder) findAttribution(i int) (n int, strong bool) {
	if is, strong := q.alone(i); is {
		return 1, strong
	}
	if q.lines[i] == "" || !q.mayContinue(i) || !q.opens(i) {
		return 0, false
	}
	joined := q.lines[i]
	for n := 2; n <= 4 && i+n <= len(q.lines) && q.lines[i+n-1] != ""; n++ {
		next := q.lines[i+n-1]
		if len(joined)+len(next) >= maxAttribution || isMarked(next) && strings.Count(joined, "<") <= strings.Count(joined, ">") {
			return 0, false
		}
		if is, _ := q.alone(i + n - 1); is && q.opens(i+n-1) {
			return 0, false // the attribution begins further down
		}
		joined += " " + next
		if is, strong := attribution(joined); is {
			if q.betterBelow(i, n) {
				return 0, false
			}
			return n, strong
		}
	}
	return 0, false
}

// mayContinue spares the patterns on lines that begin no attribution of several lines: it ends
// with a colon, unless it begins with a date or dashes.
func (q *quoteFinder) mayContinue(i int) bool {
	if strings.HasPrefix(q.lines[i], "--") || beginsWithYear(q.lines[i]) {
		return true
	}
	for j := i + 1; j < len(q.lines) && j < i+4 && q.lines[j] != ""; j++ {
		if end := strings.TrimRight(q.lines[j], " *_-"); strings.HasSuffix(end, ":") || strings.HasSuffix(end, "：") {
			return true
		}
	}
	return false
}

// betterBelow is true if an attribution also begins on a later line of the n.
func (q *quoteFinder) betterBelow(i, n int) bool {
	for k := i + 1; k < i+n; k++ {
		if m, _ := q.attributionAt(k); m > 0 && q.opens(k) && hasMoment(q.lines[k]) {
			return true
		}
	}
	return false
}

// restIsQuote is true if nothing new follows from line i on. If the quote has ">"
// marks, text without them is new; if it has none, all is quote, provided that
// the attribution is strong.
func (q *quoteFinder) restIsQuote(i int, strong bool) bool {
	for i < len(q.lines) && q.lines[i] == "" {
		i++
	}
	if i == len(q.lines) {
		return strong
	}
	if !isMarked(q.lines[i]) {
		return strong
	}
	return q.lastNew < i
}

// findLastNew is the last line that is neither quoted nor the overflow of a quoted
// line, -1 if there is none. A signature at the end is no new text.
func (q *quoteFinder) findLastNew() int {
	end := q.signatureStart()
	for end > 0 && !isMarked(q.lines[end-1]) && (q.lines[end-1] == "" || isMobileSignature(q.lines[end-1])) {
		end--
	}
	for j := end - 1; j >= 0; j-- {
		if q.lines[j] == "" || isMarked(q.lines[j]) || q.isOverflow(j) {
			continue
		}
		if is, _ := q.alone(j); !is {
			return j
		}
	}
	return -1
}

// signatureStart is the line "-- " near the end, else the number of lines.
func (q *quoteFinder) signatureStart() int {
	for i := len(q.lines) - 1; i >= max(0, len(q.lines)-maxSignature); i-- {
		if q.lines[i] == "--" {
			return i
		}
	}
	return len(q.lines)
}

// isOverflow is true for a line that a mail program broke off a quoted line: right
// between two quoted ones, with no blank line.
func (q *quoteFinder) isOverflow(j int) bool {
	return j > 0 && isMarked(q.lines[j-1]) && len(q.lines[j-1]) > 60 && len(q.lines[j]) < 40 &&
		j+1 < len(q.lines) && isMarked(q.lines[j+1])
}

// trailingRun is the first line of the quoted lines that end the text, with the
// attribution above them; the number of lines if there are none.
func (q *quoteFinder) trailingRun() int {
	i := q.lastNew + 1
	for i < len(q.lines) && !isMarked(q.lines[i]) {
		i++ // blank lines and a signature stay with the text
	}
	return i
}

// isMarked is true for a quoted line. "From" at the beginning of a line is
// escaped as ">From" by old programs.
func isMarked(line string) bool {
	return strings.HasPrefix(line, ">") && !strings.HasPrefix(line, ">From ")
}
