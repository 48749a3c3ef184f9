/**
 * What operators write when a refusal is about the sender or the mail. These come before anything
 * about the recipient: "user unknown" beside a blocklist's name is about the blocklist.
 */
import { type Rule, rule } from "./match.ts";

/** Listed by the provider itself: the other server was not asked. */
const PROVIDER = rule("provider_list", [
  "(?:on|in|by) (?:our|your|the|account|a) _ suppression list",
  "suppression list",
  "previously (?:bounced|unsubscribed|complained|suppressed) (?:address|recipient|email)",
  "bounced address(?:es)? drop list",
  "not delivering to (?:previously|a previously|an? unsubscribed|suppressed) .*",
  "drop list",
]);

/** The sender's address or domain is what does not exist. */
const SENDER = rule("policy", [
  "sender _ (?:verify|verification|callout|callback) (?:failed|failure|error)",
  "sender verify fail\\w*",
  "could not verify sender",
  "verification failed for @",
  "callout verification failed",
  `(?:sender|from|envelope) (?:address|domain|email)(?: @| ~)? _ (?:rejected|refused|denied|
    invalid|unknown|blocked|not found|not valid|does not exist|not exist|doesn t exist|
    does not resolve|unresolvable)`,
  `(?:sender|originator|sending) _ (?:denied|refused|rejected|is not allowed|not allowed|
    unknown|not authorized|domain must exist|domain does not exist|domain not found)`,
  `(?:invalid|bad|unknown|unroutable|unrouteable|unresolvable|unverifiable|illegal|fake|forged|
    missing) (?:sender|return path|envelope sender|mail from|from)`,
  "(?:domain|host)(?: name)? of (?:the )?sender _ (?:does not|doesn t|not)",
  "domain of sender",
  "return path",
  "sender s (?:address|mailbox|domain|e ?mail|host)",
  "sender s? ?domain",
  "blocked senders?",
  "sender(?: @| ~)? (?:does not exist|unknown|is unknown|not found|is invalid)",
  "envelope from",
  "(?:mail|return) ?from _ (?:refused|rejected|denied|does not|not|invalid|unresolvable)",
  "mail from (?:domain|command|address)",
  "null sender",
  "valid sender domain",
  `your (?:domain|address|email address|mail server|server|host|ip) (?:does not|doesn t|is not|
    has no|has been|was|could not|cannot)`,
  "adresse (?:de l )?expediteur",
  "absender\\w*",
  "remitente",
]);

const AUTHENTICATION = rule("authentication", [
  "d ?marc",
  "d ?kim",
  "spf",
  "arc (?:failed|failure|seal|validation|check)",
  "sender policy framework",
  "sender id (?:check|fail\\w*|policy)",
  "unauth?enticated (?:email|mail|message|messages|sender|senders|user)",
  `(?:not|lacks?|without|no|missing|requires?|required?|needs?|
    fail\\w*) (?:\\S+ ){0,2}authentication`,
  `authentication (?:\\S+ ){0,2}(?:required|checks?|information|failed|failure|failures|
    results?|problems?|mechanism)`,
  "auth ?required",
  "not authenticated",
  "sender not authenticated",
  `(?:reverse|forward confirmed reverse|inverse|rdns|ptr|fcrdns) (?:dns|lookup|record|records|
    resolution|mapping|name|hostname|host|check|entry)`,
  "ptr",
  "r ?dns",
  "fc ?rdns",
  `(?:client|ip|helo|ehlo) (?:\\S+ ){0,3}(?:name|hostname|host name|lookup) _ (?:failed|
    not found|mismatch\\w*|lookup)`,
  "ip name lookup failed",
  "cannot find your (?:hostname|host name|reverse hostname)",
  "mismatch\\w* (?:the )?client ip",
  "invalid (?:helo|ehlo)",
  `(?:helo|ehlo) (?:\\S+ ){0,4}(?:rejected|invalid|mismatch|not found|does not|required|refused|
    denied|command)`,
  "invalid dns (?:mx|ptr|a|resource|record)",
  "bad dns",
  "dns mx or a aaaa resource record",
  "spoof\\w*",
  "impersonat\\w*",
  "forged",
  "forgery",
  "certificates?",
]);

const REPUTATION = rule("reputation", [
  "(?:block|black|deny|reject|real ?time block|dns block) ?(?:list|listed|lists|listing|hole)",
  "§",
  "dns ?(?:bl|wl)",
  "r ?bl",
  "rbls?",
  "dnsbls?",
  `(?<!not )(?:listed|found|listing) (?:in|on|at|by) (?:the )?(?:\\S+ ){0,3}(?:~|§|rbl|dnsbl|
    database|
    pbl|sbl|xbl|css|zen)`,
  "spam ?haus",
  "spam ?cop",
  "sorbs",
  "barracuda ?(?:central|reputation)",
  "uceprotect",
  "cloudmark",
  "sender ?(?:base|score)",
  "trend ?micro (?:ers|email reputation)",
  "reputation",
  `(?:ip|client|host|server|sender|sending|source|address|network|connection|domain|range|you|
    mta|ips)(?: address)?(?: @| ~| \\d+)* (?:is |are |was |has been |have been |being |been |
    temporarily |currently |also )*(?:block\\w*|bann?ed|black ?listed|listed|refused by|
    on our block|not allowed to (?:send|connect)|not permitted|bloquee?)`,
  "client host(?: @| ~)? (?:rejected|blocked|refused)",
  `(?:block\\w*|bann?ed|black ?listed) (?:sending |source |client |your |the |this |by |due to |
    for )*(?:ip|ips|host|client|server|senders?|domain|network)`,
  `(?:blocked|rejected|refused|denied) (?:using|by|from) (?:~|§)|(?:blocked|rejected|refused|
    denied) (?:using|by|due to|because of|from) (?:\\S+ ){0,2}(?:§|rbl|blocklist|block|ip|poor|
    bad|low|listing)`,
  "blocked see",
  `(?:not|never|cannot|can t|won t|don t|doesn t|refuses? to) (?:accept|receive|
    take) (?:any )?(?:mail|e ?mail|emails|messages|connections?|traffic) (?:from|sent)`,
  "(?:bad|poor|low|no) (?:sender |ip |domain |neutral )?(?:rating|karma|score|trust)",
  "(?:to|for) (?:request )?(?:removal|delist\\w*|de list\\w*|unblock\\w*|whitelist\\w*)",
  "delist\\w*",
  "not accepting (?:mail|connections|email|messages|any mail|any email) from",
  "connections? (?:will )?not (?:be )?accepted from",
  `(?:mail|email|messages?|connections?|connect) from (?:your |this |the |\\S+ ){0,3}(?:~|ip|
    host|server|network|domain|address) (?:\\S+ ){0,3}(?:blocked|refused|rejected|denied|
    not accepted|not allowed|prohibited|banned|deferred|permanently|weren t|were not|wasn t|
    was not)`,
  "weren t sent",
  "part of their network is on our block list",
  "dynamic (?:ip|address|host|hosts|range)",
  "residential ip",
  "dial ?up",
  "may not be mail exchanger",
  "generic (?:r?dns|hostname|ptr)",
  "open (?:relay|proxy)",
  "fix your (?:server|ip|dns)",
  "contact your (?:isp|internet service provider|hosting provider) since part of their network",
  "esmtp not accepting connections",
  "ip (?:is )?rejected",
  "ip (?:address )?(?:frequency |connection )?(?:limited|forbidden|prohibited)",
]);

/** What is said of the machine that connects; the machine that answers is a server or a host. */
const CLIENT = rule("reputation", [
  "your (?:ips?|host|hostname|server|domain|mta|network|mail ?server|dns|client|isp|system)",
  "client (?:ip|address|host|hostname|name|ips)",
  `(?:sending|connecting|source|originating|originator) (?:ip|address|host|hostname|server|mta|
    domain|system|client|network)`,
  "(?<!to )ip address(?:es)?",
  "(?:reverse|helo|ehlo)",
]);

const CONTENT = rule("content", [
  `(?:detected|identified|classified|considered|regarded|rejected|flagged|marked|scored|
    recogni[sz]ed|suspected|blocked|refused|denied|treated|tagged|looks?|look|appears?|seems?|
    deemed) (?:\\S+ ){0,4}(?:spam|ube|uce|junk|phish\\w*|virus|malware|bulk|unsolicited|
    malicious|suspicious)`,
  `(?:spam|ube|uce|junk|virus|malware|phishing|bulk) (?:\\S+ ){0,3}(?:detected|rejected|refused|
    found|score|content|message|messages|mail|email|filter|filters|filtering|suspected|
    not accepted|blocked|prohibited|policy|check|checks|denied|signature|threshold|source|
    identified|found in|infected|complaints?|reasons?|reports?|protection|issues?)`,
  `(?:possible|likely|probable|probably|suspected|is|as|like|of|for|contains?|anti|being|no|
    sent|sending|suspicion of|high) (?:a |an )?(?:spam|ube|uce|unsolicited|suspicious|virus|
    viruses|malware|phishing|spammer|spamming|spammy)`,
  "anti ?spam",
  "spam ?(?:assassin|trap|traps|signature|bot)",
  `(?:unsolicited|suspicious|malicious|objectionable|offensive) (?:\\S+ ){0,2}(?:mail|email|
    message|messages|content|commercial|bulk|activity|url|link|links)`,
  `(?:message|mail|email|body|header|subject|attachment|url|banned|prohibited|bad|forbidden|
    illegal|inappropriate) (?:s )?(?:content|contents) (?:\\S+ ){0,3}(?:rejected|denied|refused|
    not|blocked|violat\\w*|restrict\\w*|reject\\w*)`,
  `content (?:\\S+ ){0,3}(?:rejected|denied|refused|filter|filtering|blocked|reject|restriction|
    violation|not acceptable|not accepted)`,
  "rejected (?:due to|because of|by|for) (?:\\S+ ){0,2}(?:content|header|attachment|subject|url)",
  `(?:attachment|attachments|file type|file extension|executable|
    zip) (?:\\S+ ){0,3}(?:not allowed|blocked|forbidden|rejected|prohibited|banned|not accepted|
    denied|type)`,
  "(?:infected|viruses|virus|malware|trojan|phishing|ransomware|eicar)",
  "(?:duplicate|multiple|missing|invalid|malformed|bad|illegal|too many) (?:\\S+ ){0,3}headers?",
  "multiple addresses in from",
  "not (?:\\S+ ){0,2}(?:rfc \\d+|rfc) complian\\w+",
  "(?:rfc ?\\d+|message id|date header|line too long|bare (?:lf|cr|linefeed)s?)",
  "8 ?bit (?:\\S+ ){0,3}(?:not|denied|header)",
  "gibberish",
  "垃圾",
  "病毒",
  "(?:mi|dt) (?:spb|spm|sux|wbl|dot)",
]);

const RATE = rule("rate", [
  "gr[ea]y ?list\\w*",
  "too (?:many|much|fast|frequent|frequently|quickly)(?! hops)",
  `(?:rate|frequency|throttl\\w*|speed|volume|sending|connection|connections|hourly|daily|
    domain|ip|sender|message|messages|recipient|recipients|quota) (?:\\S+ ){0,3}(?:limit|limits|
    limited|limiting|throttled|exceeded|exceeds|control)(?: (?:exceeded|reached|hit))?(?: from|
     by| for| per)? (?:rate|frequency|sender|ip|hour|day|connection|connections|minute)`,
  `(?:rate|frequency|connection|connections|sending|volume|hourly|daily|throttling|recipient|
    recipients|message count|messages?) (?:(?!size |length )\\S+ )?(?:limit|limits|limited|
    limiting|threshold)`,
  "rate ?limit\\w*",
  "throttl\\w*",
  "limited by frequency",
  "unusual (?:rate|sending|traffic|volume)",
  "receiving mail (?:at a rate|too quickly)",
  "unexpected volume",
  `excessive (?:\\S+ ){0,2}(?:mail|email|messages|connections?|rate|volume|recipients|number|
    unknown)`,
  "(?:reduce|slow) (?:\\S+ ){0,2}(?:rate|down|sending)",
  `(?:exceed\\w*|over|above) (?:\\S+ ){0,4}(?:rate|connections?|messages per|per hour|per day|
    per minute|per connection|frequency|recipients|number of)`,
  "(?:hourly|daily) (?:\\S+ ){0,2}(?:limit|quota)",
  "trop de (?:connexions|messages|destinataires)",
  "server (?:is )?(?:too )?busy",
  "rp (?:trc|rcl|usr|qrc)",
  "maximum number of (?:recipients|connections|messages)",
  "first time (?:sender|seen)",
  "please (?:try|retry) again in \\d+ (?:seconds|minutes)",
]);

const SIZE = rule("too_large", [
  `(?:message|mail|e mail|email|msg|attachment|content|data)(?: file| header)? (?:size|
    length) _ (?:exceed\\w*|too|larger|limit\\w*|over|greater|bigger|violation)`,
  `(?:message|mail|email|e mail|attachment|attachments|file|content|header|headers)(?: is| was|
     are| size| size is)? (?:too|over) ?(?:large|big|long|size|sized|limit)`,
  `(?:exceed\\w*|over|above|larger than|bigger than|greater than) _ (?:message|mail|email|
    mailsize|recipsize|fixed|maximum|max) (?:\\S+ )?(?:size|limit|length)`,
  "(?:exceed\\w*|larger than) _ (?:size|mail ?size|message size|size limit|length)",
  "(?<!box |storage |quota |account |user )(?:size|length) limit\\w*(?: (?:exceeded|reached))?",
  "(?:recip|rest|recipient) ?size ?limit",
  "max\\w* message size",
  "oversi[sz]ed?",
  "too large",
  "message ?too ?large",
]);

const POLICY = rule("policy", [
  `(?:relay\\w*|re lay\\w*) (?:\\S+ ){0,4}(?:denied|prohibited|rejected|not|access|permitted|
    disallowed|forbidden|refused|disabled|restricted|attempt|blocked|error)`,
  `(?:not|unable to|cannot|can t|don t|won t|no|denied|nonlocal|to|
    not permitted to) (?:\\S+ ){0,3}relay\\w*`,
  "(?:is not|isn t|not|no) (?:in|on) (?:my|our|the) (?:\\S+ ){0,4}rcpt ?hosts",
  "rcpt ?hosts",
  "not (?:\\S+ )?gateway",
  `(?:polic(?:y|ies)) (?:\\S+ ){0,2}(?:violation|violations|reasons?|restrictions?|rejection|
    reject\\w*|refus\\w*|block\\w*|prohibit\\w*|denied|denies|forbid\\w*|settings?|not|rule|
    rules|failure|error|at|on)`,
  `(?:local|security|administrative|site|company|server|domain|usage|abuse|email|mail|access|
    recipient|organi[sz]ation|organi[sz]ational|use|sending|content|message) polic(?:y|ies)`,
  "(?:due to|by|violat\\w*|because of|against|for) (?:\\S+ ){0,3}polic(?:y|ies)",
  `administrative(?:ly)? (?:\\S+ ){0,2}(?:prohibit\\w*|denied|blocked|reject\\w*|disabled|
    prohibition|refus\\w*|lock\\w*)`,
  `(?:rejected|blocked|denied|refused) by (?:\\S+ ){0,3}(?:rule|rules|filter|filters|
    administrator|admin|recipient s? ?organi[sz]ation|organi[sz]ation|user|system|milter|
    firewall|gateway)`,
  "(?:transport|mail ?flow|message|inbox|delivery) rules?",
  "(?:blocked|refused|rejected) by (?:the )?(?:recipient|user|addressee)",
  `(?:recipient|user|addressee|destinataire) (?:\\S+ ){0,4}(?:refus\\w*|block\\w* (?:you|sender|
    mail|messages)|rejects?|preferences?|only accept\\w*|is only accepting|does not want|
    doesn t want|has chosen)`,
  `(?:you|sender) (?:have been|are|has been|is|was|were) (?:\\S+ ){0,2}(?:blocked|banned|denied|
    not allowed|not authorized|not authorised|not permitted|restricted|prohibited|disallowed)`,
  "blocked senders?",
  `(?:not|un)(?: )?(?:authori[sz]ed|permitted|allowed|pre approved) (?:to )?(?:send|sender|mail|
    submit|post|email|deliver|use)`,
  "not ?authori[sz]ed",
  "sender (?:\\S+ ){0,2}(?:not pre approved|not on|is not in|must be|has to be)",
  `(?:restricted|private|closed|moderated|internal) (?:group|list|recipient|address|
    distribution|mailing)`,
  "(?:must|should|need to|have to|requires?) (?:\\S+ ){0,3}(?:tls|starttls|encrypt\\w*|ssl)",
  "(?:tls|starttls|encryption) (?:\\S+ ){0,2}(?:required|must|needed|mandatory)",
  "polic(?:y|ies)",
  `not (?:allowed|permitted|accepted) (?:for|by|from) (?:this |your |the )?(?:client|
    server|ip|host)`,
  "complaints?",
  "abuse",
  "abusive",
  "(?:white|allow|safe) ?list\\w*",
  "geo ?block\\w*",
  "country",
  "aup",
  "acceptable use",
  "terms of (?:service|use)",
  "sp[ae]m+ers?",
]);

/** In the order in which they hold. */
export const SENDER_RULES: readonly Rule[] = [
  PROVIDER,
  RATE,
  AUTHENTICATION,
  SENDER,
  REPUTATION,
  CONTENT,
  SIZE,
  POLICY,
  CLIENT,
];
