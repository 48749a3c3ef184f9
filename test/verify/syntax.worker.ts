import { expect, test } from "vitest";
import { normalizedOf, readAddress } from "../../src/verify/syntax.ts";
import { INVALID, VALID } from "./addresses.ts";

test("the Workers runtime reads every text as the grammar says, IDN included", () => {
  for (const [text, form, domain, unicodeDomain, smtputf8] of VALID) {
    const read = readAddress(text);
    const value = { form, domain, unicodeDomain, smtputf8 };
    expect(read, text).toMatchObject({ ok: true, value });
    if (read.ok) expect(readAddress(normalizedOf(read.value))).toEqual(read);
  }
  for (const [text, error] of INVALID)
    expect(readAddress(text), text).toEqual({ ok: false, error });
});
