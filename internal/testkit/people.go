package testkit

// OneAgent is the end of a configuration: an agent, and the team that is only her. Tests that are not
// about people have her desk, and bench/lib.sh has the same.
const OneAgent = `
[[agent]]
id = "anne"
name = "Anne Durand"
address = "anne@corp.example"
[[team]]
name = "Support"
address = "support@desk.example"
agents = ["anne"]
language = "en"
`
