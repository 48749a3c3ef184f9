import { expect, test } from "vitest";
import { isParkedHost, operatorOf } from "../../src/core/mail-operators.ts";

test.each([
  ["aspmx.l.google.com", "google"],
  ["alt1.gmail-smtp-in.l.google.com", "google"],
  ["smtp.google.com", "google"],
  ["aspmx2.googlemail.com", "google"],
  ["outlook-com.olc.protection.outlook.com", "outlook"],
  ["contoso-com.mail.protection.outlook.com", "microsoft365"],
  ["contoso-com.o-v1.mx.microsoft", "microsoft365"],
  ["contoso-cn.mail.protection.partner.outlook.cn", "microsoft365"],
  ["mta5.am0.yahoodns.net", "yahoo"],
  ["mx01.mail.icloud.com", "icloud"],
  ["mx2.zoho.eu", "zoho"],
  ["in1-smtp.messagingengine.com", "fastmail"],
  ["mailsec.protonmail.ch", "proton"],
  ["mx.yandex.net", "yandex"],
  ["mx00.emig.gmx.net", "gmx"],
  ["mx01.kundenserver.de", "ionos"],
  ["mx1.mail.ovh.net", "ovh"],
  ["us-smtp-inbound-1.mimecast.com", "mimecast"],
  ["mx0a-001b2d01.pphosted.com", "proofpoint"],
  ["mx1-us1.ppe-hosted.com", "proofpoint"],
  ["d312104a.ess.barracudanetworks.com", "barracuda"],
  ["mx1.hc123-45.iphmx.com", "ironport"],
  ["route1.mx.cloudflare.net", "cloudflare"],
  ["inbound-smtp.eu-west-1.amazonaws.com", "amazon_ses"],
  ["inbound-smtp.us-gov-west-1.amazonaws.com", "amazon_ses"],
] as const)("%s is of %s", (host, operator) => {
  expect(operatorOf(host)).toBe(operator);
});

test("a name that only looks like an operator's is nobody's", () => {
  const others = [
    "mx.example.com",
    "notgoogle.com",
    "google.com.example.net",
    "outlook.com",
    "protection.outlook.com.evil.net",
    "vps-1234.vps.ovh.net",
    "ip-1-2-3-4.ip.secureserver.net",
    "ec2-1-2-3-4.eu-west-1.compute.amazonaws.com",
    "inbound-smtp.evil.amazonaws.com.net",
    "inbound-smtp.eu-west-1.amazonaws.com.evil.net",
    "com",
    "",
    ".",
  ];
  for (const host of others) expect(operatorOf(host), host).toBeNull();
});

test("hosts that take the mail of parked domains are told, and no others", () => {
  const parked = ["mail.h-email.net", "park-mx.above.com", "mx.parkingcrew.net"];
  for (const host of parked) expect(isParkedHost(host), host).toBe(true);
  for (const host of ["mail.above.com", "x-h-email.net", "aspmx.l.google.com", ""]) {
    expect(isParkedHost(host), host).toBe(false);
  }
});

test("no parking host is an operator's", () => {
  expect(operatorOf("mail.h-email.net")).toBeNull();
});
