import { BlockList, isIP } from "node:net";

/**
 * The addresses that routers of the Internet do not forward to, from the IANA registries of special
 * addresses (RFC 6890): private networks, this machine, links, documentation, and tests.
 */
const LOCAL: readonly (readonly [address: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
  ["2001:db8::", 32],
];

let local: BlockList | undefined;

/**
 * Checks whether an address can be reached from the Internet, unless a firewall prevents it.
 *
 * @param address An IP address. A host name is not looked up and does not count as public.
 *
 * @example
 * ```ts
 * import { isPublic } from "./public_address.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["10.1.2.3", "8.8.8.8", "fd00::1"].map(isPublic), [false, true, false]);
 * ```
 */
export function isPublic(address: string): boolean {
  // An IPv6 address that stands for an IPv4 address.
  const plain = address.replace(/^::ffff:(?=[\d.]+$)/i, "").replace(/%.*$/, "");
  const version = isIP(plain);
  if (version === 0) return false;
  if (!local) {
    local = new BlockList();
    for (const [start, bits] of LOCAL) {
      local.addSubnet(start, bits, start.includes(":") ? "ipv6" : "ipv4");
    }
  }
  return !local.check(plain, version === 6 ? "ipv6" : "ipv4");
}
