package compose

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"postdesk/internal/message"
)

// blockParents are the elements around the text BLOCK as a browser builds them.
func blockParents(t testing.TB, src string) string {
	t.Helper()
	root, err := message.NewHTMLBudget(4 << 20).Parse(src)
	if err != nil {
		return "body html" // too costly to look at here
	}
	for n := range root.Descendants() {
		if n.Type != html.TextNode || n.Data != "BLOCK" {
			continue
		}
		var names []string
		for p := n.Parent.Parent; p.Parent != nil; p = p.Parent {
			names = append(names, p.Data)
		}
		return strings.Join(names, " ")
	}
	return "not there"
}

func TestNoMarkupHidesTheBlock(t *testing.T) {
	for src, wantOK := range map[string]bool{
		"<div style='display:none'>":                                 true,
		"<div style='display:none'/>":                                true,
		"<p style='display:none'>":                                   true,
		"<b style='display:none'><div style='display:none'></b>":     true,
		"<div><b style='display:none'></div>":                        true,
		"<div style='display:none'><table></div>":                    true,
		"<li style='display:none'>":                                  true,
		"<dl><dd style='display:none'>x<dt>":                         true,
		"<table><tr><td style='display:none'>":                       true,
		"<table><tr style='display:none'><div style='display:none'>": true,
		"<button style='display:none'><p style='display:none'>":      true,
		"<object><div style='display:none'></object>":                true,
		"a</body></html><div style='display:none'>":                  true,
		"<a href=x><a href=y><font><p></a>":                          true,
		"<noscript><div style='display:none'></noscript>x":           true,
		"<noscript><!--</noscript>x":                                 true,
		"<!--":                                                       false,
		"x<!-- <p>":                                                  false,
		"<!doctype html><!--x--":                                     false,
		"<style>body>*{display:none}":                                false,
		"<textarea>":                                                 false,
		"<xmp>":                                                      false,
		"<plaintext>":                                                false,
		"<title>x":                                                   false,
		"<iframe>":                                                   false,
		"<script>":                                                   false,
		"<svg><style><!--</style>":                                   false,
		"<svg></svg><![CDATA[>":                                      false,
		"<select><title><!--</title></select>":                       false,
		"<math><mi><div style='display:none'></math>":                false,
		"<frameset>":                                                 false,
		"<template>":                                                 false,
		"<a href=\"":                                                 false,
	} {
		out, ok := placeHTML(src, "", "<div>BLOCK</div>")
		if ok != wantOK {
			t.Errorf("%q: %v", src, ok)
		}
		if got := blockParents(t, out); ok && got != "body html" {
			t.Errorf("%q: the block is in %s: %q", src, got, out)
		}
	}
}

var hideTags = strings.Fields("<b> </b> <i> </i> <a> </a> <p> </p> <div> <div> </div> </div> <table> <table> </table> <tr> </tr> <td> </td> <th> <tbody> </tbody> <caption> </caption> " +
	"<object> </object> <li> </li> <ul> </ul> <span> </span> <h1> </h1> <h2> </h3> x <br> <form> </form> <button> </button> <body> </body> </html> <dd> <dt> <dl> </dl> <col> <option> </option> " +
	"<nobr> <ruby> </ruby> <rt> <select> </select> <svg> </svg> <math> <mi> </math> <template> </template> <style> </style> <title> </title> <!--a--> <input> <hr/> <div/> <center> </center> <details> </details>")

func TestRandomMarkupNeverHidesTheBlock(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	placed := 0
	for range 10000 {
		var b strings.Builder
		for range 1 + r.IntN(25) {
			b.WriteString(hideTags[r.IntN(len(hideTags))])
		}
		out, ok := placeHTML(b.String(), "", "<div>BLOCK</div>")
		if !ok {
			continue
		}
		placed++
		if got := blockParents(t, out); got != "body html" {
			t.Fatalf("the block is in %q: %s", got, out)
		}
	}
	if placed < 2000 {
		t.Errorf("only %d of 10000 had a block", placed)
	}
}

func TestWarningTakesStyleSheetsOut(t *testing.T) {
	src := "<!DOCTYPE html><html style='display:none'><head><link rel=stylesheet href=x><style>body>*{display:none!important}</style><!--[if mso]><style>div{display:none}</style><![endif]--></head>" +
		"<body hidden style='opacity:0'><p style='color:red'>Bonjour</p></body></html>"
	out, ok := placeHTML(src, "<div>TOP</div>", "<div>BLOCK</div>")
	want := "<!DOCTYPE html><html><head></head><body><div>TOP</div><p style='color:red'>Bonjour</p><div>BLOCK</div></body></html>"
	if !ok || out != want {
		t.Errorf("%v %s", ok, out)
	}
	for _, src := range []string{"x", "<div hidden><body>x", "<style>x</style>"} {
		if out, _ := placeHTML(src, "<div>TOP</div>", "<div>BLOCK</div>"); !strings.HasPrefix(out, "<div>TOP</div>") {
			t.Errorf("%q", out)
		}
	}
	if out, _ := placeHTML(src, "", "<div>BLOCK</div>"); !strings.Contains(out, "<style>body>") {
		t.Error("without a warning the mail stays as it was")
	}
}

// "</" at the end of a document is text there, and the beginning of a comment
// when something follows.
func TestEndOfTagAtTheEndHidesNothing(t *testing.T) {
	out, ok := placeHTML("<p>Bonjour</p></", "", "<div>BLOCK</div>")
	if want := "<p>Bonjour</p>&lt;/<div>BLOCK</div>"; !ok || out != want {
		t.Errorf("%v %s", ok, out)
	}
}

func FuzzPlaceHTML(f *testing.F) {
	for i := range 20 {
		f.Add(fmt.Sprint("<div><b ", i, "><p>", hideTags[i], "</div>", hideTags[i+20]))
	}
	f.Fuzz(func(t *testing.T, src string) {
		if strings.Contains(src, "BLOCK") {
			t.Skip()
		}
		if out, ok := placeHTML(src, "", "<div>BLOCK</div>"); ok && blockParents(t, out) != "body html" {
			t.Errorf("the block is in %q: %q", blockParents(t, out), out)
		}
	})
}
