import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isGloballyRoutable, parseIp } from "../../src/core/ip.ts";

const octetsOf = (text: string) => {
  const octets = parseIp(text);
  return octets === null ? null : [...octets];
};

describe("parseIp", () => {
  test("reads dotted decimals", () => {
    expect(octetsOf("192.0.2.1")).toEqual([192, 0, 2, 1]);
    expect(octetsOf("0.0.0.0")).toEqual([0, 0, 0, 0]);
    expect(octetsOf("255.255.255.255")).toEqual([255, 255, 255, 255]);
  });

  test("reads IPv6 in all its spellings", () => {
    const loopback = [...new Array(15).fill(0), 1];
    for (const text of ["::1", "0:0:0:0:0:0:0:1", "0::1", "::0001", "0:0::0.0.0.1"]) {
      expect(octetsOf(text), text).toEqual(loopback);
    }
    expect(octetsOf("::")).toEqual(new Array(16).fill(0));
    expect(octetsOf("2001:DB8::")).toEqual([0x20, 1, 0x0d, 0xb8, ...new Array(12).fill(0)]);
    expect(octetsOf("1:2:3:4:5:6:7::")?.slice(-4)).toEqual([0, 7, 0, 0]);
    expect(octetsOf("::ffff:192.0.2.1")?.slice(-6)).toEqual([255, 255, 192, 0, 2, 1]);
    expect(octetsOf("1:2:3:4:5:6:1.2.3.4")?.slice(-6)).toEqual([0, 6, 1, 2, 3, 4]);
  });

  test("refuses what is no address", () => {
    const v4 = [
      "",
      "1.2.3",
      "1.2.3.4.5",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4 ",
      "1.2.3.-4",
      "1.2..4",
    ];
    const v6 = [":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::"];
    const odd = ["12345::", "g::", "::1.2.3", "1.2.3.4::", "::1.2.3.4:5", "fe80::1%eth0", "[::1]"];
    for (const text of [...v4, ...v6, ...odd, "1:2:3:4:5:6:7:1.2.3.4", "a.b.c.d", ":1", "1:"]) {
      expect(parseIp(text), text).toBeNull();
    }
  });

  test("agrees with the URL parser on every IPv6 address", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const octets = parseIp(text);
        const groups = Array.from({ length: 8 }, (_, at) =>
          (((octets?.[2 * at] ?? 0) << 8) | (octets?.[2 * at + 1] ?? 0)).toString(16),
        );
        expect(new URL(`http://[${groups.join(":")}]`).hostname).toBe(
          new URL(`http://[${text}]`).hostname,
        );
      }),
    );
  });

  test("reads any text without a throw", () => {
    const texts = fc.oneof(fc.string(), fc.stringMatching(/^[\da-f:.]{0,40}$/));
    fc.assert(
      fc.property(texts, (text) => {
        const octets = parseIp(text);
        expect([undefined, 4, 16]).toContain(octets?.length);
        expect(octets !== null || !isGloballyRoutable(text)).toBe(true);
      }),
    );
  });
});

describe("isGloballyRoutable", () => {
  test("the first and last address of a reserved range are not, their neighbours are", () => {
    const ranges: [below: string | null, first: string, last: string, above: string | null][] = [
      [null, "0.0.0.0", "0.255.255.255", "1.0.0.0"],
      ["9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"],
      ["100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"],
      ["126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"],
      ["169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"],
      ["172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"],
      ["191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"],
      ["192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"],
      ["192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"],
      ["192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"],
      ["198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"],
      ["198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"],
      ["203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"],
      ["223.255.255.255", "224.0.0.0", "255.255.255.255", null],
      [null, "::", "1fff:ffff::", "2000::"],
      [null, "2001::", "2001:1ff:ffff::1", "2001:200::"],
      ["2001:db7:ffff::1", "2001:db8::", "2001:db8:ffff::1", "2001:db9::"],
      ["3ffe:ffff::1", "3fff::", "3fff:fff:ffff::1", "3fff:1000::"],
      ["3fff:ffff::1", "4000::", "ffff::", null],
    ];
    for (const [below, first, last, above] of ranges) {
      for (const reserved of [first, last]) {
        expect(isGloballyRoutable(reserved), reserved).toBe(false);
      }
      for (const open of [below, above]) {
        if (open !== null) expect(isGloballyRoutable(open), open).toBe(true);
      }
    }
  });

  test("an IPv4 address inside an IPv6 one decides where it is what is reached", () => {
    expect(isGloballyRoutable("2002:0808:0808::1")).toBe(true);
    expect(isGloballyRoutable("2002:0a00:0001::1")).toBe(false);
    expect(isGloballyRoutable("64:ff9b::8.8.8.8")).toBe(true);
    expect(isGloballyRoutable("64:ff9b::10.0.0.1")).toBe(false);
    // Mapped addresses are for sockets, not for the network (RFC 4291 section 2.5.5.2).
    expect(isGloballyRoutable("::ffff:8.8.8.8")).toBe(false);
  });

  test("addresses of mail operators are", () => {
    for (const address of [
      "142.250.27.26",
      "2a00:1450:4025:c03::1b",
      "40.99.1.1",
      "17.57.155.25",
    ]) {
      expect(isGloballyRoutable(address), address).toBe(true);
    }
  });

  test("what is no address is not", () => {
    for (const text of ["", "mx.example.com", "8.8.8", "08.8.8.8"]) {
      expect(isGloballyRoutable(text), text).toBe(false);
    }
  });
});
