/** What operators write of a mailbox, of its domain, and of themselves. */
import { type Rule, rule } from "./match.ts";

const PERSON = "(?:user|recipient|mailbox|mail ?box|account|address|addressee|customer|subscriber)";

/** What there is none of. */
const NAMED = [
  "(?:such |local |valid |active |virtual |e ?mail |mail |of |this |the |your |matching )*",
  "(?:recipient )*",
  "(?:users?|recipients?|mailbox|mail ?box|account|address|addressee|addresses|person|people|",
  "customer|subscriber|alias|name|username|id|inbox|login|one|spectator|entry|member|employee|",
  "contact)",
].join("");

const FULL = rule("mailbox_full", [
  `(?:over|exceed\\w*|out of|beyond|above|reached|reaches|insufficient|not enough|no|hit|
    past) (?:\\S+ ){0,5}(?:quota|storage|disk|mailbox size|mail storage|space)`,
  `(?:quota|storage|disk|mailbox size|space|mailbox limit|
    allocation) (?:\\S+ ){0,4}(?:exceed\\w*|full|over|reached|violat\\w*|depleted|limit|used up|
    exhausted|insufficient)`,
  "over ?quota",
  "quota",
  `(?:mailbox|mail ?box|inbox|account|maildir|mail ?folder|user|recipient|box|folder|postfach|
    boite|buzon|casella|caixa)(?: @| ~)? (?:\\S+ ){0,4}(?:full|pleine|voll|lleno|llena|piena|
    pieno|cheia|volle?s?|overfull)`,
  "full (?:mailbox|mail ?box|inbox)",
  `(?:mailbox|account|user|inbox)(?: @)? (?:\\S+ ){0,3}(?:size limit|storage limit|space limit|
    exceeded its size|too large|too full|too big|over limit|exceeds? limit|has exceeded|
    exceeded limit|over its limit)`,
  "(?:has|have) too many messages",
  "storage allocation",
  "saturee?",
]);

const INACTIVE = rule("mailbox_inactive", [
  `${PERSON}(?: @| ~)? (?:\\S+ ){0,5}(?:disabled|inactive|suspended|deactivated|locked|frozen|
    blocked|archived|bloque|bloquee|suspendu|suspendue|suspendido|gesperrt|deaktiviert|inactif|
    inactive|archivee|desactive|expired|terminated|dormant|not active|not activated|
    not currently active|discontinued|restricted|stopped|on hold|unsubscribed|paused|
    under maintenance|migrating)`,
  `(?:disabled|inactive|suspended|deactivated|locked|frozen|blocked|archived|expired|dormant|
    terminated|inaccessible) (?:e ?mail |mail |user |recipient )*${PERSON}`,
  "(?:over|for|of|due to|extended|long) inactiv\\w*",
  `(?<!domain of )(?:${PERSON}|inbox)(?: @|
     ~)? (?:\\S+ ){0,3}not (?:currently )?(?:being )?(?:accept\\w*|receiv\\w*|
    allowed to receive|able to receive|enabled|active)(?: \\S+){0,3}`,
  "not (?:currently )?(?:being )?accepted for this (?:mailbox|user|account|recipient)",
  `mailbox (?:is )?(?:unavailable or access denied|temporarily unavailable|busy|in use|offline|
    not ready|is being moved|is moving|locked)`,
  `${PERSON}(?: @| ~)? (?:\\S+ ){0,2}temporar\\w+`,
  `temporar\\w+ (?:unavailable|disabled|locked|inactive|suspended|blocked) (?:mailbox|user|
    account)`,
  "(?:out of (?:the )?office|on (?:vacation|holiday|leave))",
  "(?:user|domain|user or domain|domain or user) (?:\\S+ ){0,2}disabled",
  "bounced because (?:\\S+ ){0,3}inactive",
  "disabled (?:user|in)",
]);

/** There is no such mailbox. */
const NO_USER = rule("recipient", [
  `(?:unknown|invalid|bad|non ?existent|nonexisting|no existent|unrecogni[sz]ed|illegal|
    incorrect|wrong|undefined|undeliverable|unroute?able|unregistered|nonexist\\w*|inexistent|
    obsolete|unresolvable) (?:or (?:illegal|invalid|unknown|inactive|misspelled|missing|
    non ?existent) )?(?:final |destination |local |virtual |e ?mail |mail |user |recipient |
    delivery |to |mailbox |rcpt )*(?:user|users|recipient|recipients|mailbox|mail ?box|account|
    address|addresses|addressee|alias|rcpt|rcpt to|name|username|login|person|destinations?)`,
  `${PERSON}s?(?: name| names| address| addresses| account| id| email| mail| mailbox|
     part)?(?: [@~¤.])* (?:\\S+ ){0,2}(?:is |was |are |were |has been |been |seems |of |to be |
    currently )*(?:unknown|unrecogni[sz]ed|non ?existent|nonexisting|inexistent|nonexistent|
    undefined|not ?found|no found|not known|not exists?|not existing|not listed|not registered|
    not recogni[sz]ed|not a known|not valid|not present|not local|not on|not defined|not our|
    not ok|doesn t exists?|does ?not ?exists?|do not exist|don t exist|didn t exist|
    did not exist|no longer exists?|no longer (?:valid|available|in use|on|active|with|works|
    employed|accepts|here|in service|supported|monitored|receives)|could not be found|
    cannot be found|can t be found|couldn t be found|was not found|isn t (?:known|valid|found|
    in|on|a)|unavailable user unknown|isn t exist|misspelled|deleted|closed|canceled|cancelled|
    removed|invalid|unroute?able|undeliverable|wrong|has left|missing home directory|
    lookup failed|verification failed|not in (?:\\S+ ){0,3}(?:directory|list|database|table|
    system|map)|not matched|exists not|unknown or invalid|unexist\\w*)`,
  `(?:no|not|not an?|not our|isn t an?|isn t our|is not an?|isn t a) (?:existing |known |real |
    registered )?${NAMED}(?: \\S+){0,3} ?(?:here|by|with|named|at|found|called|exists?|on|in|
    under|has|called|available|for|known|like|is|of)?`,
  `no such (?:\\S+ )?${NAMED}`,
  `no such (?:user|recipient|mailbox|account|address|person|local|addressee|mail|email|id|name|
    alias|object|entry|one).*`,
  `(?:user|recipient|account|mailbox|address)?(?: @)? ?(?:not our|isn t our|is not our|not a|
    isn t a|is not a) (?:\\S+ ){0,2}(?:user|customer|recipient|mailbox|subscriber|address|
    account|client|member)`,
  `(?:user|person|recipient) (?:doesn t|does not) have (?:an? )?(?:\\S+ ){0,3}(?:account|
    mailbox|address|email)`,
  "(?:doesn t|does not) have (?:an? )(?:\\S+ ){0,2}account",
  `(?:does ?n[o ]t|do not|don t|did not|not) (?:\\S+ )?have (?:\\S+ ){0,3}(?:user|mailbox|
    account) (?:\\S+ ){0,2}(?:here|name|named|for)`,
  `(?:account|user|address|mailbox|recipient) (?:that )?you tried to (?:reach|
    contact) (?:does not|doesn t|no longer) exist`,
  "(?:may|might) contain a non existent account",
  "recip(?:ient)? ?not ?found",
  "(?:ex )?recip not found",
  "not ?found(?! try)",
  "user not local",
  "not our user",
  `(?:can t|cannot|can not|couldn t|could not|unable to|failed to) (?:\\S+ )?(?:find|locate|
    look ?up|resolve|verify|identify|recogni[sz]e) (?:\\S+ ){0,4}(?:user|recipient|mailbox|
    account|address|addressee|username)`,
  "bad ?rcpt ?to",
  "(?:not in|isn t in|is not in) my valid ?rcpt ?to",
  "valid ?rcpt ?to list",
  "bad ?recipient ?to",
  "no valid (?:recipients?|rcpt)",
  "all recipients (?:were |are |have been )?(?:invalid|rejected|refused)",
  `(?:recipient|rcpt|destination)(?: address| mailbox)?(?: @| ¤)? (?:rejected|
    refused) (?:\\. )?(?:access denied|user unknown|unknown user|unknown recipient|no such user|
    invalid user|invalid|undeliverable(?: address)?|unverified address|not found|
    verification failed|rejected)`,
  `(?:recipient|email|mail) address (?:is |was )?(?:wrong|incorrect|misspelled|
    rejected access denied)`,
  "(?:recipient|user|mailbox|account|address) (?:is |was )?(?:does|do) n o?t exist",
  `(?:mailbox|account|address|user|recipient)(?: @)? (?:\\S+ ){0,3}(?:has been |was |is |been |
    permanently )+(?:deleted|closed|removed|cancell?ed|retired|decommissioned|abandoned)`,
  "(?:deleted|closed|cancell?ed|removed) (?:user|mailbox|account|recipient|address)",
  `(?:no longer|not any ?more|not longer) (?:\\S+ ){0,2}(?:on (?:this |the |our )?server|
    at this|with|works?|employed|valid|in use|exists?|available|here|a valid|an? active|used|
    an? user|accepts mail|accepts? (?:e ?mail|messages))`,
  "no longer on server",
  `(?:user|recipient|account|mailbox|address|person) (?:\\S+ ){0,3}(?:has |have |was |
    is )?(?:moved|relocated|left the company|changed (?:to|address)|replaced by)`,
  "has been replaced by",
  "(?:please )?try (?:forwarding|@)",
  "does ?not ?exist",
  "(?:doesn t|dosn t|dont|don t|doesnt|not|do not|does not) exists?",
  "non ?existent",
  "unknown (?:in|in the) (?:\\S+ ){0,4}(?:table|map|list|directory)",
  "unknown (?:local ?part|virtual user|alias|virtual)",
  "user ?unknown",
  "unknown ?(?:user|recipient|address|local)",
  "unroute?able (?:e ?mail |mail )?address",
  "no ?such ?user",
  "invalid ?(?:recipient|user|mailbox)",
]);

/** In the languages of operators who do not write English only. */
const FOREIGN = rule("recipient", [
  `(?:utilisateur|destinataire|adresse|compte|boite)(?: \\S+){0,5} (?:inconnue?|invalides?|
    inexistante?|introuvable|n existe pas|n existe plus|supprimee?)`,
  "(?:inconnu|n existe pas|n existe plus)",
  "adresse d (?:\\S+ ){0,4}destinataire invalide",
  `(?:empfanger|benutzer|postfach|adresse|konto|mailbox|nutzer|
    teilnehmer)(?: \\S+){0,4} (?:unbekannt|existiert nicht|ungultig|nicht gefunden|
    nicht vorhanden|nicht bekannt|geloscht)`,
  "(?:unbekannter?|ungultiger?|kein) (?:empfanger|benutzer|nutzer|postfach|solcher?)",
  "no existe",
  `(?:usuario|destinatario|cuenta|buzon|direccion|direccion)(?: \\S+){0,4} (?:no existe|
    desconocido|desconocida|invalido|invalida|no encontrado|no valida|no valido|inexistente|
    sconosciuto|inesistente|non trovato|non valido|nao existe|invalido|nao encontrado)`,
  `(?:nessun|utente|casella|indirizzo|destinatario)(?: \\S+){0,4} (?:utente|sconosciut[oa]|
    inesistente|non esiste|non trovat[oa]|non valid[oa]|inattiv[oa])`,
  "nessun utente",
  `(?:usuario|conta|destinatario|endereco|caixa)(?: \\S+){0,4} (?:nao existe|inexistente|
    desconhecid[oa]|invalid[oa]|nao encontrad[oa])`,
  "(?:gebruiker|ontvanger|adres|mailbox)(?: \\S+){0,4} (?:onbekend|bestaat niet|ongeldig)",
  `(?:пользователь|адрес|ящик|получатель)\\S*(?: \\S+){0,4} (?:не существует|
    неизвестен|не наиден|удален)`,
  "(?:nie ma|nieznany) (?:\\S+ )?(?:uzytkownik|uzytkownika|konta|adresat|odbiorca)\\S*",
  "\\S*(?:用户不存在|收件人不存在|邮箱不存在|地址不存在|帐号不存在|账号不存在|用户未找到|无此用户|没有此用户)\\S*",
  "\\S*(?:宛先不明|ユーサ.?ー?不明|存在しません|見つかりません)\\S*",
]);

/** There is no such domain, or it takes no mail (RFC 7504, RFC 7505). */
const NO_DOMAIN = rule("recipient", [
  `(?:host|domain|mail domain|destination|site|server|host name|hostname|recipient domain|
    email domain|dns domain)(?: name)?(?: [@~¤.])* (?:\\S+ ){0,2}(?:is |was |has |name |of |to |
    does |are )*(?:unknown|not found|not exist|not exists|doesn t exist|does not exist|
    not known|no such|non ?existent|nonexistent|invalid|not valid|has expired|unroute?able|
    not hosted|not handled here|not local|not registered)(?! try)`,
  `(?:unknown|invalid|bad|no such|non ?existent|unroute?able|illegal|nonexist\\w*) (?:e ?mail |
    mail |destination |recipient |target |dns |or )*(?:host|hostname|host name|domain|
    domain name|domains|mail domain|address domain|destination)`,
  "host or domain name not found(?! try)",
  "name or service not known",
  "no such (?:host|domain)",
  "nx ?domain",
  "non ?existent ?domain",
  `(?:host|domain|server|system|site|machine|address|it|mailserver|we|destination)(?: @|
     ~)? (?:\\S+ ){0,2}(?:does not|doesn t|never|do not|don t|will not|won t|
    cannot) (?:\\S+ )?(?:accept|receive|take|handle|process) (?:any |incoming |inbound |
    e )*(?:mail|mails|e ?mail|email|emails|messages|smtp mail)(?! (?:from|with|containing|
    without|via|using|through|directly|sent|over|larger|until|by|of|that|unless))`,
  "null ?mx",
  `(?:mail|email) (?:receiving|reception|service|delivery|domain) (?:is |has been )?(?:disabled|
    discontinued)(?: for)?`,
  `(?:recipient|destination|target) (?:\\S+ ){0,2}domain (?:\\S+ ){0,3}(?:not exist|rejected|
    refused|unknown|must exist|not found|no longer)`,
  "(?:recipient )?domain must exist",
  `(?:no longer|not) (?:accept\\w*|receiv\\w*|in service for) (?:any )?(?:mail|e ?mail|email|
    messages)(?! (?:from|with|containing|sent))`,
  `no (?:mx|mail exchanger|mail server|mail hosts?|mx records?|mx host|a record|mx or a|
    valid mx|valid hosts?) (?:\\S+ ){0,4}(?:for|found|exists?|record|records|domain|or a|of)`,
]);

/** The way to the other server, and the server itself. */
const NETWORK = rule("network", [
  `(?:message|mail|queue|delivery|retry|timeout|time|delivery time|lifetime|retry time|
    retry timeout|ttl|deadline)(?: time| timeout| lifetime| period)? (?:\\S+ ){0,2}(?:expired|
    exceeded|timed out|has expired|elapsed|reached|timeout)`,
  "queue expired",
  `(?:unable to|cannot|could not|couldn t|not able to|failed to) (?:\\S+ ){0,2}(?:deliver|
    connect|be delivered|delivered) (?:\\S+ ){0,3}(?:in|after|for|within|to) (?:\\d+|host|the|
    server|~|mx)`,
  `(?:connection|conversation|operation|network|host|read|socket|dial|connect)(?: with|
     to| from)?(?: @| ~)* (?:\\S+ ){0,3}(?:timed out|time ?out|refused|reset|lost|dropped|
    closed|failed|unreachable|broken|aborted|terminated)`,
  "timed out",
  "(?:mail|routing|forwarding|delivery|message) (?:\\S+ ){0,2}loop\\w*",
  "loops? (?:detected|back)",
  "too many hops",
  "hop ?count(?: \\S+){0,2}",
  "hops? (?:exceeded|limit)",
  "no (?:route|answer|response|connection|connections)(?: to| from)?(?: host| the| server)?",
  `(?:dns|name|mx|domain name)(?: service| server)? (?:\\S+ ){0,2}(?:query|lookup|error|failure|
    failed|fail|timeout|temporary|servfail|problem)`,
  "(?:host|domain)(?: name)?(?: \\S+){0,3} not found try again",
  "(?:unable|failed) to (?:look ?up|resolve|route)",
  "network (?:error|problem|is unreachable|failure|unreachable)",
  "unreachable",
  "bad connection",
]);

const SYSTEM = rule("system", [
  `(?:temporar\\w*|local|internal|system|server|configuration|technical|program|software|
    database|ldap|resource|transient|unexpected|processing|protocol|lookup|
    delivery) (?:\\S+ ){0,2}(?:failure|error|problem|problems|failures|errors|fault|outage|
    unavailable|issue|issues)`,
  "service (?:\\S+ ){0,2}(?:unavailable|refused?|not available|shutting|down)",
  "try (?:again )?later",
  "try again",
  `(?:insufficient|not enough|out of|lack of|low) (?:\\S+ ){0,2}(?:resources|memory|
    system storage|system resources)`,
  `(?:not implemented|unrecogni[sz]ed command|bad sequence|improper sequence|out of sequence|
    syntax error|bad syntax|command not|unknown command|parameter not)`,
  "(?:shutting down|maintenance|overloaded|load average)",
]);

/** "Not found, try again" is what a resolver answers when it cannot tell. */
const RESOLVER = rule("network", ["(?:not found|unknown) (?:please )?try again"]);

/** About the mailbox, certain. The full and the closed one exist, so they come first. */
export const MAILBOX_RULES: readonly Rule[] = [FULL, INACTIVE, RESOLVER];

/** No such mailbox or domain. */
export const NO_ADDRESS_RULES: readonly Rule[] = [NO_USER, FOREIGN, NO_DOMAIN];

/** About neither the mail nor the mailbox. */
export const SYSTEM_RULES: readonly Rule[] = [NETWORK, SYSTEM];
