/**
 * Domains of relay aliases: addresses that people have made to keep their own to themselves. Mail
 * to one reaches a person who reads it, for as long as they like: not a throw-away.
 */

/** Subdomains count, as several services give each user one. */
export const RELAY_DOMAINS: readonly string[] = [
  // DuckDuckGo Email Protection.
  "duck.com",
  // Firefox Relay.
  "mozmail.com",
  "relay.firefox.com",
  // Apple, for Sign in with Apple and Hide My Email.
  "privaterelay.appleid.com",
  // SimpleLogin and Proton Pass.
  "simplelogin.com",
  "simplelogin.co",
  "simplelogin.fr",
  "aleeas.com",
  "slmail.me",
  "slmails.com",
  "silomails.com",
  "8alias.com",
  "8shield.net",
  "dralias.com",
  "passmail.net",
  "passmail.com",
  "passinbox.com",
  "passfwd.com",
  // addy.io, once AnonAddy.
  "addy.io",
  "addymail.com",
  "anonaddy.com",
  "anonaddy.me",
  // Blur, now IronVest.
  "opayq.com",
  // 33Mail.
  "33mail.com",
];
