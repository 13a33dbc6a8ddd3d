package rules

import "strings"

// Freemail says whether people who have nothing to do with each other share
// this domain: its users are not one company, and its domains count as one for
// the caps of acknowledgements.
func Freemail(domain string) bool {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if freemail[domain] {
		return true
	}
	// Providers with one domain per country: yahoo.co.uk, hotmail.it.
	name, rest, _ := strings.Cut(domain, ".")
	return freemailBrands[name] && len(rest) <= len("com.xx")
}

// Company is the key under which contacts of one company are found: the
// domain, or "" when the domain says nothing of a company.
func Company(domain string) string {
	if Freemail(domain) {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(domain, "."))
}

var freemailBrands = map[string]bool{
	"yahoo": true, "hotmail": true, "outlook": true, "live": true, "gmx": true, "yandex": true,
}

var freemail = setOf(`
	gmail.com googlemail.com msn.com ymail.com rocketmail.com aol.com aim.com
	icloud.com me.com mac.com mail.com email.com usa.com zoho.com zohomail.com zohomail.eu
	proton.me protonmail.com protonmail.ch pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com
	fastmail.com fastmail.fm hushmail.com hey.com duck.com mailbox.org posteo.de posteo.net riseup.net disroot.org
	orange.fr wanadoo.fr free.fr sfr.fr laposte.net neuf.fr bbox.fr numericable.fr club-internet.fr
	aliceadsl.fr cegetel.net 9online.fr voila.fr noos.fr gmx.fr caramail.com mailo.com netcourrier.com
	web.de t-online.de freenet.de arcor.de online.de 1und1.de vodafone.de email.de
	bluewin.ch hispeed.ch sunrise.ch aon.at chello.at
	libero.it virgilio.it tiscali.it alice.it tin.it tim.it fastwebnet.it inwind.it iol.it email.it pec.it
	telefonica.net terra.es ono.com movistar.es
	sapo.pt skynet.be telenet.be proximus.be scarlet.be
	ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl hetnet.nl
	telia.com comhem.se bredband.net spray.se online.no
	btinternet.com sky.com talktalk.net virginmedia.com ntlworld.com blueyonder.co.uk tiscali.co.uk
	comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net charter.net earthlink.net optonline.net juno.com
	rogers.com shaw.ca sympatico.ca videotron.ca bell.net
	bigpond.com optusnet.com.au
	wp.pl onet.pl o2.pl interia.pl op.pl seznam.cz centrum.cz email.cz azet.sk
	mail.ru inbox.ru list.ru bk.ru internet.ru rambler.ru ukr.net abv.bg
	qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com aliyun.com 139.com
	naver.com hanmail.net daum.net nate.com rediffmail.com
	uol.com.br bol.com.br terra.com.br ig.com.br
`)

func setOf(words string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
