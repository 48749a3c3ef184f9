import { expect, test } from "vitest";
import { isSpecialUse } from "../../src/verify/special-use.ts";

test.each([
  "mail.test",
  "mail.example",
  "mail.invalid",
  "a.localhost",
  "printer.local",
  "mail.onion",
  "mail.alt",
  "mail.internal",
  "1.2.0.192.in-addr.arpa",
  "home.arpa",
])("%s is no name of the Internet", (domain) => {
  expect(isSpecialUse(domain)).toBe(true);
});

test.each(["example.com", "example.net", "test.com", "local.net", "mytest", "arpa.org"])(
  "%s is asked about in DNS as any other",
  (domain) => {
    expect(isSpecialUse(domain)).toBe(false);
  },
);
