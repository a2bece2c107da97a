import { isIP } from "node:net";
import { type Place, UserError } from "../base/errors.ts";
import { hint } from "../base/hints.ts";

/** The port of processes whose addresses name none. */
export const USUAL_PORT = 7077;

/** Where addresses come from: the place for messages, and the variable to unset. */
export interface AddressOrigin {
  /** The place of the address. */
  readonly place: Place;
  /** The variable that contains it. */
  readonly variable: string;
}

/**
 * The form of host names. The system also reads numbers such as `0x7f000001` and `127.1` as
 * addresses, which URLs write in the usual form.
 */
const HOST = /^(?=.{1,253}$)[a-z\d_]([-a-z\d_]*[a-z\d_])?(\.[a-z\d_]([-a-z\d_]*[a-z\d_])?)*\.?$/i;

/**
 * Checks the address of a process.
 *
 * @param text The address: `HOST:PORT`, with brackets around an IPv6 address.
 * @param origin Where it comes from.
 * @param port The port of an address that names none; by default, an address must name one.
 * @returns The address as `HOST:PORT`.
 * @throws {UserError} If it is not an address; exit code 2.
 */
export function checkAddress(text: string, origin: AddressOrigin, port?: number): string {
  const [, bracketed, plain, written] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ??
    [];
  const host = bracketed ?? plain ?? "";
  const own = written === undefined ? port : Number(written);
  const isHost = bracketed === undefined
    ? HOST.test(host) && URL.parse(`http://${host}`)?.hostname === host.toLowerCase()
    : isIP(host) === 6;
  if (isHost && own !== undefined && own > 0 && own < 65_536) {
    return `${bracketed === undefined ? host : `[${host}]`}:${own}`;
  }
  throw new UserError(`${JSON.stringify(text)} is not the address of a process`, {
    place: origin.place,
    hint: hint(
      "cluster/address",
      `write HOST:PORT, such as 10.0.0.1:${USUAL_PORT}; without ${origin.variable}, the run is one process`,
      { variables: { [origin.variable]: "" } },
    ),
    exitCode: 2,
  });
}

/**
 * Refuses a list of addresses that contains one twice, because each process listens on its own.
 *
 * @param addresses The addresses.
 * @param origin Where they come from.
 * @throws {UserError} If an address occurs twice; exit code 2.
 */
export function refuseTwice(addresses: readonly string[], origin: AddressOrigin): void {
  const seen = new Set<string>();
  const twice = addresses.find((address) => {
    // Names differ in more than case, and IPv6 addresses in more than zeros.
    const usual = URL.parse(`http://${address}`)?.host ?? address;
    return seen.size === seen.add(usual).size;
  });
  if (twice === undefined) return;
  throw new UserError(`the address ${twice} is there twice: each process needs its own`, {
    place: origin.place,
    hint: hint(
      "cluster/twice",
      `give processes of the same host different ports; without ${origin.variable}, the run is one process`,
      { variables: { [origin.variable]: "" } },
    ),
    exitCode: 2,
  });
}

/**
 * Reads `ROCKET_PORT`, the port on which processes listen whose addresses name none.
 *
 * @param text The value of the variable; undefined or empty for the usual port.
 * @param above The largest number that is added to the port, for several processes on one host.
 * @throws {UserError} If it is not a port; exit code 2.
 */
export function portOf(text: string | undefined, above = 0): number {
  if (text === undefined || text === "") return USUAL_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port > 0 && port + above < 65_536) return port;
  throw new UserError(
    `ROCKET_PORT must be a port from 1 to ${65_535 - above}, got ${JSON.stringify(text)}`,
    {
      hint: hint("cluster/port", `unset it for the port ${USUAL_PORT}`, {
        variables: { ROCKET_PORT: "" },
      }),
      exitCode: 2,
    },
  );
}
