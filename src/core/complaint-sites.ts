/**
 * Which mailbox operators report individual complaints to senders (RFC 5965 reports over a feedback
 * loop, which providers pass on). Only mail to them can raise a complaint, so only it is what
 * complaints are counted over: with Gmail in the denominator, which reports none, a list of mostly
 * Gmail addresses would look clean whatever its readers think.
 *
 * Known by the recipient's domain: of a company's own domain on one of these operators neither mail
 * nor complaints are in the rate. Apple (icloud.com) and Google run no such loop.
 */
import { MAGIC_DOMAIN } from "./sandbox.ts";

/**
 * Yahoo's Complaint Feedback Loop, which holds for AOL and for the mailboxes that AT&T, Verizon and
 * others leave to Yahoo.
 */
const YAHOO = `
  yahoo.com ymail.com rocketmail.com myyahoo.com yahoo.ca yahoo.co.uk yahoo.fr yahoo.de yahoo.it
  yahoo.es yahoo.ie yahoo.se yahoo.dk yahoo.no yahoo.pl yahoo.ro yahoo.gr yahoo.hu yahoo.com.br
  yahoo.com.ar yahoo.com.mx yahoo.com.co yahoo.cl yahoo.com.au yahoo.co.nz yahoo.in yahoo.co.in
  yahoo.com.sg yahoo.com.my yahoo.com.ph yahoo.com.hk yahoo.com.tw yahoo.co.id yahoo.com.vn
  yahoo.co.za aol.com aol.co.uk aol.fr aol.de aim.com love.com games.com wow.com netscape.net
  cs.com verizon.net att.net sbcglobal.net bellsouth.net pacbell.net ameritech.net swbell.net
  prodigy.net frontier.com frontiernet.net rogers.com sky.com`;

/** Microsoft's Junk Mail Reporting Program: its consumer domains, not Microsoft 365. */
const MICROSOFT = `
  outlook.com hotmail.com live.com msn.com passport.com windowslive.com hotmail.co.uk hotmail.fr
  hotmail.de hotmail.it hotmail.es hotmail.be hotmail.nl hotmail.se hotmail.ca hotmail.com.br
  hotmail.com.ar hotmail.com.au live.co.uk live.fr live.de live.it live.nl live.be live.se live.dk
  live.no live.ca live.com.au live.com.mx live.com.ar live.com.pt live.cn live.in outlook.fr
  outlook.de outlook.it outlook.es outlook.be outlook.dk outlook.pt outlook.ie outlook.sa
  outlook.com.br outlook.com.ar outlook.com.au outlook.co.id outlook.jp outlook.kr outlook.in`;

/**
 * Members of Validity's Universal Feedback Loop (their list as spamresource.com gave it in
 * September 2023: Comcast, Fastmail, Gandi, Italiaonline, Liberty Global, OpenSRS, SFR, Swisscom,
 * Synacor, TIM, Telenet, Telenor, Telstra, Terra, UOL, Virgin Media, XS4ALL, Yandex, Ziggo). Cox
 * has left it, and is not listed here.
 */
const UNIVERSAL = `
  comcast.net xfinity.com fastmail.com fastmail.fm messagingengine.com sent.com libero.it
  virgilio.it inwind.it iol.it blu.it giallo.it tim.it alice.it tin.it upcmail.nl chello.nl
  chello.at unitybox.de sfr.fr neuf.fr cegetel.net club-internet.fr bluewin.ch telenet.be
  online.no telenor.no telstra.com bigpond.com bigpond.net.au terra.com.br uol.com.br bol.com.br
  virginmedia.com ntlworld.com blueyonder.co.uk virgin.net xs4all.nl ziggo.nl home.nl casema.nl
  zonnet.nl yandex.ru yandex.com yandex.by yandex.kz yandex.ua ya.ru`;

/**
 * Loops of their own: Mail.ru's postmaster service, Seznam's, and Signal Spam in France, whose
 * members are La Poste and Orange.
 */
const OWN = `
  mail.ru bk.ru inbox.ru list.ru internet.ru seznam.cz email.cz post.cz spoluzaci.cz laposte.net
  orange.fr wanadoo.fr`;

const REPORTING: ReadonlySet<string> = new Set(
  [YAHOO, MICROSOFT, UNIVERSAL, OWN, MAGIC_DOMAIN].flatMap((list) => list.trim().split(/\s+/)),
);

/** Whether complaints of this recipient's domain (lower case, A-labels) reach the sender. */
export const reportsComplaints = (domain: string): boolean => REPORTING.has(domain);
