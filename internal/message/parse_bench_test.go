package message

import (
	"strings"
	"testing"
)

// ordinaryMail is what a customer sends: some twenty fields, text and HTML.
var ordinaryMail = strings.ReplaceAll(`Return-Path: <jean@client.example>
Received: from mail.client.example (mail.client.example [192.0.2.10])
	by mx.example.com with ESMTPS id 4XyZab12cdz9
	for <relationclient@example.com>; Fri, 21 Nov 2025 10:00:03 +0100 (CET)
Received: from [10.0.0.5] (unknown [198.51.100.7])
	by mail.client.example with ESMTPSA id 4XyZab0000z1;
	Fri, 21 Nov 2025 10:00:01 +0100 (CET)
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=client.example;
	s=s1; t=1763715601; h=from:to:subject:date:message-id:mime-version:
	content-type; bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;
	b=`+strings.Repeat("QWxsIHlvdXIgYmFzZQ", 18)+`
Message-ID: <9f2c1f0a-4e1c-4e7a-8f0e-1d2c3b4a5968@client.example>
Date: Fri, 21 Nov 2025 10:00:00 +0100
MIME-Version: 1.0
User-Agent: Mozilla Thunderbird
Subject: =?UTF-8?Q?R=C3=A9clamation_concernant_ma_commande_n=C2=B0_?=
 =?UTF-8?Q?4711?=
Content-Language: fr
To: Relation Client <relationclient@example.com>
From: =?UTF-8?Q?Jean_D=C3=A9sir=C3=A9_Client?= <jean@client.example>
Content-Type: multipart/alternative; boundary="------------b0undary0123456789"

This is a multi-part message in MIME format.
--------------b0undary0123456789
Content-Type: text/plain; charset=UTF-8; format=flowed
Content-Transfer-Encoding: quoted-printable

`+strings.Repeat("Bonjour, ma commande n=C2=B0 4711 n=E2=80=99est toujours pas arriv=C3=A9e.\n", 14)+`
--------------b0undary0123456789
Content-Type: text/html; charset=UTF-8
Content-Transfer-Encoding: quoted-printable

<html><body>`+strings.Repeat("<p>Bonjour, ma commande n=C2=B0 4711 n=E2=80=99est toujours pas l=C3=A0.</p>\n", 14)+`</body></html>

--------------b0undary0123456789--
`, "\n", "\r\n")

func BenchmarkParse4KB(b *testing.B) {
	b.SetBytes(int64(len(ordinaryMail)))
	src := BytesSource([]byte(ordinaryMail))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}
