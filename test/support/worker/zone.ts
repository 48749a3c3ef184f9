/**
 * What DNS says to the Worker under test. Names are of domains that exist in no test but these, or
 * of operators whose mail hosts are known by name.
 */
import type { Zone } from "../doh/zone.ts";

const HOUR_S = 3_600;

const zone: Zone = {
  "gmail.com": {
    mx: [[5, "gmail-smtp-in.l.google.com"]],
    txt: ["v=spf1 redirect=_spf.google.com"],
  },
  "_dmarc.gmail.com": { txt: ["v=DMARC1; p=none"] },
  "takes-mail.com": { mx: [[10, "mx.takes-mail.com"]], ttl: HOUR_S },
  "mx.takes-mail.com": { a: ["198.51.101.7"] },
  "web-only.com": { a: ["198.51.101.8"] },
  "null-mx.com": { mx: [[0, "."]] },
  "gmial.com": { mx: [[0, "."]] },
  "no-host.com": { txt: ["hello"] },
  "private.com": { mx: [[10, "mx.private.com"]] },
  "mx.private.com": { a: ["10.0.0.7"] },
  "failing.com": { fault: "servfail" },
  "silent.com": { fault: "dead" },
  "mailinator.com": { mx: [[10, "mx.takes-mail.com"]] },
};

export default zone;
