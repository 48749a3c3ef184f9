import { describe, expect, test } from "vitest";
import { enhancedCodeOf, replyCodeOf } from "../../src/core/smtp-reply.ts";

describe("the enhanced status code in a text", () => {
  test.each([
    ["550 5.1.1 no such user", "5.1.1"],
    ["smtp;550 5.1.1 RESOLVER.ADR.RecipNotFound; not found", "5.1.1"],
    ["smtp; 550-5.7.26 This mail 550 5.7.26 https://example.com/a", "5.7.26"],
    ["550 #5.1.0 Address rejected.", "5.1.0"],
    ["Sorry, no mailbox here by that name. (#5.1.1)", "5.1.1"],
    ["host mx.example.com[192.0.2.1] said: 452-4.2.2 The inbox is out of storage", "4.2.2"],
    ["5.1.1", "5.1.1"],
    ["The status was 5.2.2.", "5.2.2"],
    ["550 [5.1.1.2] rejected 5.7.1 by policy", "5.7.1"],
    ["554 4.4.7 Message expired: <421 4.4.2 Connection timed out>", "4.4.7"],
  ])("of %j is %s", (text, code) => {
    expect(enhancedCodeOf(text)).toBe(code);
  });

  test.each([
    "connect to 5.1.1.2 timed out",
    "connect to 192.5.1.1 timed out",
    "Exim 4.1.1 says no",
    "ESMTP Postfix (version 5.1.1) is not ready",
    "release v5.1.1",
    "see https://example.com/5.1.1",
    "5.1.1.example.com refused",
    "mail to a-5.1.1@example.com",
    "mail to 5.1.1@example.com",
    "4.94.2 is running",
    "550 no such user",
    "",
  ])("is none in %j", (text) => {
    expect(enhancedCodeOf(text)).toBeNull();
  });
});

describe("the reply code in a text", () => {
  test.each([
    ["550 5.1.1 no such user", 550],
    ["smtp;550-5.1.1 no such user", 550],
    ["550", 550],
    ["550-no such user", 550],
    ["after 451 tries: host said: 552 mailbox full", 552],
    ["<a@b.example>: host mx[192.0.2.1] said: 421 4.7.0 try later", 421],
    ["the server answered 450 to it", 450],
    ["message of 552 bytes; 554 refused", 554],
  ])("of %j is %s", (text, code) => {
    expect(replyCodeOf(text)).toBe(code);
  });

  test.each([
    "5.1.1 no such user",
    "host 203.0.550.1 refused",
    "mail550 is not ready",
    "port 587 refused",
    "in 554 messages",
    "see https://example.com/550",
    "user 550@example.com",
    "number 2550",
    "",
  ])("is none in %j", (text) => {
    expect(replyCodeOf(text)).toBeNull();
  });
});

test("only the beginning of a text is read", () => {
  const text = `${" ".repeat(100_000)}550 5.1.1 no such user`;
  expect([enhancedCodeOf(text), replyCodeOf(text)]).toEqual([null, null]);
});
