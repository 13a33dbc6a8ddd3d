package bounce

import "regexp"

// softWords are words of servers that refuse or fail for another reason than the
// address, whatever code they give with it.
var softWords = []string{
	"mailbox full", "mailbox is full", "over quota", "quota exceed", "exceeded storage", "exceeded quota", "overquota", "insufficient disk", "too large", "size limit", "exceeds",
	"spam", "blacklist", "black list", "blocklist", "blocked", "block list", "reputation", "spamhaus", "dnsbl", "rbl", "virus", "malware",
	"relaying", "relay access", "to relay", "relay not", "open relay", "authentication", "dmarc", "spf", "dkim", "reverse dns", "ptr record", "policy", "not permitted", "denied", "too many", "rate limit", "temporarily", "timed out",
	"time out", "timeout", "retry", "deferred", "connection refused", "sender rejected", "sender address", "hop count", "loop", "disabled", "suspended", "inactive", "not active", "expired",
	"content rejected", "name service error", "name server reply", "recipient preferences", "couldn't create", "at a rate", "no access from mail server", "message rejected", "filter", "on hold", "system error", "no space", "disk",
}

var softPattern = regexp.MustCompile(`\bmailbox (is )?(full|closed)|message (size|too)`)

// hardWords are words of servers that know no such address.
var hardWords = []string{
	"user unknown", "unknown user", "no such user", "unknown recipient", "recipient unknown", "no such address", "no such recipient", "no such mailbox", "user not found",
	"does not exist", "doesn't exist", "not exist", "invalid recipient", "invalid mailbox", "unknown mailbox", "mailbox not found", "address unknown", "unknown address", "not listed in",
	"no mailbox", "recipient not found", "is unknown", "unrouteable address", "unroutable address", "host unknown", "unknown host", "host not found", "domain not found", "no such domain", "couldn't find any host",
	"name or service not known", "bad destination", "null mx", "no smtp service", "nullmx", "does not accept mail", "has moved", "no longer available", "no mx record", "find a mail exchanger", "mailbox unavailable", "not our user", "542 ", "domain is not reachable", "invalid final delivery userid", "unable to find user", "user doesn't have", "no account", "not our customer", "recipient name is not recognized",
	"not a valid", "unknown local", "undeliverable address", "not known", "nxdomain", "badrcptto",
}

var hardPattern = regexp.MustCompile(`user \S+ (is )?(unknown|not known)|5\.2\.1 \S+ recipient address rejected|\bunknown (or illegal )?alias|no (valid )?recipients?\b`)
