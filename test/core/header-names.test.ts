import { describe, expect, test } from "vitest";
import { refusalOfHeader } from "../../src/core/header-names.ts";

describe("a header field of a caller", () => {
  test.each([
    ...["X-Entity-Ref-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence"],
    ...["X-Jobs-Board", "X-Sesame", "X-Bindings"],
    ...["In-Reply-To", "References", "Feedback-ID", "Auto-Submitted", "X-Mailer", "Importance"],
  ])("%s may be set", (name) => {
    expect(refusalOfHeader(name)).toBeNull();
  });

  test.each([
    ...["From", "sender", "TO", "Cc", "Bcc", "Reply-To", "Subject", "Date", "Message-ID"],
    ...["Return-Path", "Received", "MIME-Version", "Content-Type", "Content-Foo", "Resent-Bcc"],
    ...["DKIM-Signature", "ARC-Seal", "Authentication-Results", "Delivered-To"],
  ])("%s is written by Postern or the transport", (name) => {
    expect(refusalOfHeader(name)).toBe("written");
  });

  test.each([
    ...["X-SES-CONFIGURATION-SET", "x-ses-message-tags", "X-SMTPAPI", "X-PM-Bounce-Type"],
    ...["X-PM-KeepID", "X-Mailgun-Drop-Message", "X-MSYS-API", "X-MJ-CustomID", "X-Mailin-custom"],
    ...["X-SG-EID", "X-MC-Track", "X-Mailjet-Campaign", "X-Postern-Id"],
    ...["x-virtual-mta", "X-Job", "X-Tenant"],
  ])("%s gives orders to a provider", (name) => {
    expect(refusalOfHeader(name)).toBe("steers");
  });
});
