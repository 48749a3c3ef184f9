/**
 * Who runs a mail host, told by its name: mailbox operators, gateways in front of mailboxes, and
 * those who only take the mail of parked domains. Only names that an operator keeps to itself are
 * here: under names such as `ovh.net` or `secureserver.net` customers' own servers stand too, so of
 * those only the mail hosts are.
 */

/** Operator -> domains under which, and at which, all mail hosts are the operator's. */
const SUFFIXES: Readonly<Record<string, string>> = {
  google: "google.com googlemail.com",
  // Consumer mailboxes: outlook.com, hotmail.com, live.com, msn.com.
  outlook: "olc.protection.outlook.com",
  // With DNSSEC: `mx.microsoft`; in China: 21Vianet; for the US government: office365.us.
  microsoft365: `protection.outlook.com mx.microsoft mail.protection.partner.outlook.cn
    mail.protection.office365.us`,
  yahoo: "yahoodns.net",
  yahoo_japan: "mail.yahoo.co.jp",
  icloud: "mail.icloud.com",
  zoho: "zoho.com zoho.eu zoho.in zoho.com.au zoho.jp zohocloud.ca",
  fastmail: "messagingengine.com",
  proton: "protonmail.ch",
  yandex: "mx.yandex.net mx.yandex.ru",
  mail_ru: "mxs.mail.ru emx.mail.ru",
  // gmx, web.de and mail.com are one company's.
  gmx: "gmx.net gmx.com mx-ha02.web.de mx-ha03.web.de mx00.mail.com mx01.mail.com",
  ionos: `mx00.kundenserver.de mx01.kundenserver.de mx00.1and1.com mx01.1and1.com mx00.1and1.co.uk
    mx01.1and1.co.uk mx00.ionos.com mx01.ionos.com mx00.ionos.de mx01.ionos.de mx00.ionos.co.uk
    mx01.ionos.co.uk mx00.ionos.fr mx01.ionos.fr mx00.ionos.es mx01.ionos.es`,
  ovh: "mail.ovh.net mail.ovh.ca mx1.ovh.net mx2.ovh.net mx3.ovh.net mxb.ovh.net redirect.ovh.net",
  gandi: "mail.gandi.net",
  rackspace: "emailsrvr.com",
  godaddy: `smtp.secureserver.net mailstore1.secureserver.net smtp.europe.secureserver.net
    mailstore1.europe.secureserver.net smtp.asia.secureserver.net mailstore1.asia.secureserver.net`,
  namecheap: "privateemail.com registrar-servers.com",
  hostinger: "mx1.hostinger.com mx2.hostinger.com",
  titan: "titan.email flockmail.com",
  migadu: "migadu.com",
  mailbox_org: "mailbox.org",
  posteo: "posteo.de",
  tuta: "tutanota.de",
  hey: "app.hey.com",
  t_online: "t-online.de",
  seznam: "seznam.cz",
  naver: "naver.com",
  tencent: "qq.com",
  netease: "mxmail.netease.com",
  alibaba: "mxhichina.com qiye.aliyun.com",
  // Gateways: the mailboxes behind them are another's.
  mimecast: "mimecast.com mimecast.co.za mimecast-offshore.com",
  proofpoint: "pphosted.com ppe-hosted.com gpphosted.com",
  barracuda: "barracudanetworks.com",
  ironport: "iphmx.com",
  messagelabs: "messagelabs.com",
  trend_micro: "tmes.trendmicro.com tmes.trendmicro.eu",
  sophos: "hydra.sophos.com",
  forcepoint: "mailcontrol.com",
  appriver: "arsmtp.com",
  cloudflare_area1: "mxrecord.io mxrecord.mx",
  // Mail that goes on to programs or to other mailboxes.
  cloudflare: "mx.cloudflare.net",
  sendgrid: "mx.sendgrid.net",
  mailgun: "mailgun.org",
  postmark: "inbound.postmarkapp.com",
  improvmx: "improvmx.com",
  forward_email: "forwardemail.net",
  simplelogin: "simplelogin.co",
};

/** `inbound-smtp.<region>.amazonaws.com`: other names there are customers' machines. */
const SES_INBOUND = /^inbound-smtp\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com$/;

/** Companies that trade in domains, and hosts whose own name says that they park. */
const PARKING: Readonly<Record<string, string>> = {
  parking: `h-email.net parkingcrew.net sedoparking.com park-mx.above.com parkmail.dynadot.com
    nullmx.domainmanager.com`,
};

const OPERATORS = mapOf(SUFFIXES);
const PARKED = mapOf(PARKING);

function mapOf(lists: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(lists).flatMap(([name, list]) =>
      list.split(/\s+/).map((suffix): [string, string] => [suffix, name]),
    ),
  );
}

/** What stands at the longest suffix of the host that the map has, whole labels only. */
function lookUp(map: ReadonlyMap<string, string>, host: string): string | null {
  let from = 0;
  for (;;) {
    const found = map.get(from === 0 ? host : host.slice(from));
    if (found !== undefined) return found;
    const dot = host.indexOf(".", from);
    if (dot === -1) return null;
    from = dot + 1;
  }
}

/**
 * The operator of a mail host (lower case, without the final dot), e.g. `google` for
 * `aspmx.l.google.com`; null: none that is known.
 */
export function operatorOf(host: string): string | null {
  const known = lookUp(OPERATORS, host);
  if (known !== null) return known;
  return host.startsWith("inbound-smtp.") && SES_INBOUND.test(host) ? "amazon_ses" : null;
}

/**
 * Whether a mail host (lower case, without the final dot) takes mail for domains that are parked or
 * for sale, where nobody reads it.
 */
export const isParkedHost = (host: string): boolean => lookUp(PARKED, host) !== null;
