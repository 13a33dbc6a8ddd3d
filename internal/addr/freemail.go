package addr

import (
	"strings"

	"golang.org/x/net/publicsuffix"
)

// IsFreemail says whether a domain gives mailboxes to the public, so that two
// people in it have nothing to do with each other. domain is in the form of
// Address.Domain.
func IsFreemail(domain string) bool {
	d := lowerASCII(domain)
	if freemail[d] {
		return true
	}
	name, suffix, _ := strings.Cut(d, ".")
	if !freemailFamily[name] {
		return false
	}
	public, icann := publicsuffix.PublicSuffix(d)
	return icann && public == suffix
}

// freemailFamily holds names that one provider uses under many countries'
// domains: yahoo.co.uk, hotmail.fr, gmx.at.
var freemailFamily = map[string]bool{
	"yahoo": true, "ymail": true, "hotmail": true, "live": true, "outlook": true, "msn": true, "aol": true,
	"gmx": true, "yandex": true, "googlemail": true, "protonmail": true, "tutanota": true,
}

var freemail = setOf(`
	gmail.com googlemail.com outlook.com hotmail.com live.com msn.com passport.com windowslive.com
	yahoo.com ymail.com rocketmail.com myyahoo.com aol.com aim.com netscape.net verizon.net
	icloud.com me.com mac.com proton.me protonmail.com protonmail.ch pm.me tutanota.com tutamail.com tuta.com tuta.io keemail.me
	fastmail.com fastmail.fm hey.com zoho.com zohomail.com zohomail.eu mail.com email.com usa.com post.com inbox.com hushmail.com
	mailfence.com mailbox.org posteo.de posteo.net posteo.eu disroot.org riseup.net startmail.com runbox.com duck.com kolabnow.com
	gmx.com gmx.de gmx.net gmx.at gmx.ch gmx.fr web.de freenet.de t-online.de arcor.de online.de 1und1.de vodafone.de
	orange.fr wanadoo.fr free.fr laposte.net sfr.fr neuf.fr bbox.fr cegetel.net club-internet.fr numericable.fr numericable.com
	noos.fr aliceadsl.fr alice.fr 9online.fr 9business.fr voila.fr dbmail.com caramail.com caramail.fr nordnet.fr libertysurf.fr
	tele2.fr infonie.fr worldonline.fr chez.com ifrance.com lilo.org mailo.com mailo.fr net-c.com netcourrier.com sfr.net
	bouyguestelecom.fr mediaserv.net only.fr ozone.net pacwan.fr vini.pf canl.nc lagoon.nc mls.nc orange.pf
	bluewin.ch sunrise.ch hispeed.ch romandie.com vtxnet.ch skynet.be proximus.be telenet.be scarlet.be voo.be pt.lu internet.lu
	libero.it virgilio.it alice.it tin.it tiscali.it inwind.it iol.it fastwebnet.it email.it
	telefonica.net terra.es ono.com movistar.es sapo.pt clix.pt mail.pt
	btinternet.com btopenworld.com virginmedia.com ntlworld.com sky.com talktalk.net tiscali.co.uk blueyonder.co.uk o2.co.uk plus.com eircom.net
	ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl hetnet.nl upcmail.nl
	telia.com spray.se comhem.se online.no broadpark.no jubii.dk mail.dk luukku.com suomi24.fi
	wp.pl o2.pl interia.pl onet.pl op.pl poczta.onet.pl seznam.cz centrum.cz email.cz volny.cz azet.sk centrum.sk freemail.hu citromail.hu
	abv.bg mail.bg otenet.gr mail.ee inbox.lv inbox.lt
	mail.ru bk.ru inbox.ru list.ru internet.ru rambler.ru yandex.ru yandex.com ya.ru ukr.net i.ua meta.ua
	comcast.net att.net sbcglobal.net bellsouth.net cox.net charter.net spectrum.net earthlink.net juno.com optonline.net frontier.com windstream.net
	videotron.ca sympatico.ca bell.net rogers.com shaw.ca telus.net
	uol.com.br bol.com.br terra.com.br ig.com.br globo.com globomail.com
	qq.com foxmail.com 163.com 126.com yeah.net sina.com sina.cn sohu.com 139.com 189.cn aliyun.com
	naver.com hanmail.net daum.net nate.com docomo.ne.jp ezweb.ne.jp softbank.ne.jp i.softbank.jp nifty.com excite.co.jp
	rediffmail.com bigpond.com bigpond.net.au optusnet.com.au iinet.net.au xtra.co.nz menara.ma topnet.tn planet.tn
`)

func setOf(words string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
