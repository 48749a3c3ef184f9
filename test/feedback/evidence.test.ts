import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Bounce } from "../../src/core/bounce.ts";
import type { Envelope } from "../../src/core/custody.ts";
import type { Happening } from "../../src/core/events.ts";
import { MARK } from "../../src/core/marks.ts";
import { MAGIC_DOMAIN } from "../../src/core/sandbox.ts";
import { type EvidenceDeps, evidenceOf } from "../../src/feedback/evidence.ts";

const CREATED = 1_800_000_000_000;
const HARD: Bounce = { kind: "hard", category: "recipient" };

const deps: EvidenceDeps = {
  isTest: (account) => account.endsWith("~test"),
  traitsOf: (domain, local) => ({
    disposable: domain === "burner.example",
    role: local === "info",
  }),
  reportsDeliveries: (source) => source === "s1",
};

const happening = (type: Happening["type"], given: Partial<Happening> = {}): Happening => ({
  ...{ account: "acme", messageId: "m", no: 0, address: "Ann@Example.COM", hash: "h" },
  envelope: { createdAt: CREATED } as Envelope,
  ...{ source: "s1", type, at: CREATED + 9, code: "", text: "", bounce: null, url: "" },
  ours: false,
  ...given,
});
const bounced = (bounce: Bounce, given: Partial<Happening> = {}): Happening =>
  happening("bounced", { bounce, ...given });
const of = (...all: Happening[]) => evidenceOf(all, deps);

describe("evidence", () => {
  test("is made of deliveries and hard bounces, one item per recipient", () => {
    const all = [
      happening("delivered"),
      bounced(HARD, { at: CREATED + 500 }),
      bounced(HARD, { no: 1, address: "info@burner.example", hash: "g" }),
    ];
    const item = { account: "acme", messageId: "m", at: CREATED, reports: true };
    const [ann, info] = [
      { no: 0, hash: "h", domain: "example.com", disposable: false, role: false },
      { no: 1, hash: "g", domain: "burner.example", disposable: true, role: true },
    ];
    expect(of(...all)).toEqual([
      { ...item, ...ann, marks: MARK.delivered | MARK.hard },
      { ...item, ...info, marks: MARK.hard },
    ]);
    expect(of(...all.toReversed()).toReversed()).toEqual(of(...all));
  });

  test("of a delivery is whatever only those do who have the mail", () => {
    for (const type of ["opened", "clicked", "complained", "unsubscribed"] as const) {
      expect(of(happening(type))).toMatchObject([{ marks: MARK.delivered, at: CREATED }]);
    }
  });

  test("is of the domain in A-labels, in any spelling of the address", () => {
    const [item] = of(happening("delivered", { address: '"info"@BÜCHER.example' }));
    expect(item).toMatchObject({ domain: "xn--bcher-kva.example", role: true });
  });

  test("is none when nothing came to an end at a mailbox", () => {
    const all = [
      happening("sent", { ours: true }),
      happening("deferred"),
      happening("suppressed"),
      happening("failed", { ours: true }),
      happening("unknown", { ours: true }),
      bounced({ kind: "soft", category: "mailbox_full" }),
      bounced({ kind: "block", category: "policy" }),
      bounced({ kind: "hard", category: "provider_list" }),
      bounced({ kind: "block", category: "provider_list" }),
    ];
    for (const one of all) expect(of(one), `${one.type} ${one.bounce?.kind}`).toEqual([]);
  });

  test("is none of test mail, magic recipients and recipients nobody knows", () => {
    for (const given of [
      { account: "acme~test" },
      { address: `delivered@${MAGIC_DOMAIN}` },
      { address: `bounced+x@${MAGIC_DOMAIN.toUpperCase()}` },
      { hash: "" },
    ]) {
      expect(of(happening("delivered", given), bounced(HARD, given))).toEqual([]);
    }
  });

  test("says whether any source that told of it tells of deliveries", () => {
    const silent = { source: "smtp" };
    expect(of(bounced(HARD, silent))).toMatchObject([{ reports: false }]);
    const link = happening("clicked", { source: "" });
    expect(of(link)).toMatchObject([{ reports: false }]);
    expect(of(link, happening("delivered"))).toMatchObject([{ reports: true }]);
    expect(of(happening("delivered"), link)).toMatchObject([{ reports: true }]);
  });

  test("of one message has one time, whichever events tell of it and when", () => {
    const type = fc.constantFrom("delivered", "opened", "complained", "bounced");
    const events = fc.array(fc.record({ type, late: fc.nat(1e9) }), { minLength: 1 });
    fc.assert(
      fc.property(events, (all) => {
        const items = of(
          ...all.map((one) =>
            happening(one.type as "opened", { at: CREATED + one.late, bounce: HARD }),
          ),
        );
        expect(items).toHaveLength(1);
        expect(items[0]?.at).toBe(CREATED);
      }),
    );
  });
});
