/**
 * Misspelt domains of large operators that exist, so that DNS does not show the mistake: they are
 * kept by others, for advertisements or as spam traps, and nobody has a mailbox there. Kept to
 * spellings that are nothing else: no name that is a word or another operator's.
 */

/** By the domain that is meant, the misspelt ones separated by spaces. */
export const TYPO_DOMAINS: Readonly<Record<string, string>> = {
  "gmail.com":
    "gmial.com gmai.com gmal.com gamil.com gmil.com gmaill.com gmaiil.com gmali.com gnail.com " +
    "gmaik.com gmaul.com gmsil.com gmqil.com gmwil.com gmaio.com gmailc.com gmaol.com " +
    "ggmail.com gmmail.com gmeil.com gamail.com gimail.com gmaile.com gmial.co gmail.co gmail.cm " +
    "gmail.om gmail.com.com gmailcom.com gmaip.com gmauil.com gmaiol.com hgmail.com fgmail.com",
  "googlemail.com": "googlmail.com goglemail.com googelmail.com gogglemail.com",
  "hotmail.com":
    "hotmial.com hotmai.com hotmal.com hotmil.com hotamil.com hotnail.com hotmaill.com " +
    "hormail.com hotmaul.com hotmaik.com homtail.com htomail.com hotmsil.com hotmali.com " +
    "hotmqil.com hotmaio.com hotmail.cm hotmail.om hotmeil.com hotmmail.com",
  "yahoo.com": "yaho.com yahooo.com yhoo.com yaoo.com yhaoo.com yahho.com yahoo.cm yahoo.om",
  "outlook.com":
    "outlok.com outloo.com outllook.com outlooke.com oulook.com outook.com outlook.cm outlool.com",
  "icloud.com": "iclod.com icoud.com iclould.com icluod.com iclooud.com icloud.cm icloude.com",
  "aol.com": "aol.cm aol.om",
};
