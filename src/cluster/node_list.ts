import { UserError } from "../base/errors.ts";

/**
 * The most hosts that a list may stand for, and the most processes: a mistake such as
 * `n[0-999999999]` would fill memory.
 */
export const MOST = 65_536;

/**
 * Expands a list of hosts in the notation of Slurm: names separated by commas, in which brackets
 * contain numbers and ranges, such as `gpu[01-03,7],login`. Several brackets in a name are
 * multiplied.
 *
 * @param list The list.
 * @param variable The environment variable that contains it, for messages.
 * @returns The hosts in order.
 * @throws {UserError} If brackets or ranges are wrong; exit code 2.
 *
 * @example
 * ```ts
 * import { hostsOf } from "./node_list.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(hostsOf("gpu[08-10],login", "SLURM_STEP_NODELIST"), [
 *   "gpu08",
 *   "gpu09",
 *   "gpu10",
 *   "login",
 * ]);
 * ```
 */
export function hostsOf(list: string, variable: string): string[] {
  const wrong = (why: string): never => {
    throw new UserError(`${variable} is not a list of hosts: ${why} in ${JSON.stringify(list)}`, {
      place: { file: variable },
      exitCode: 2,
    });
  };
  const hosts: string[] = [];
  for (const parts of namesIn(list) ?? wrong("a bracket or a comma too many")) {
    let own = [""];
    for (const part of parts) {
      const ends = part.startsWith("[") ? numbersOf(part.slice(1, -1), wrong) : [part];
      if (own.length * ends.length > MOST) wrong(`more than ${MOST} hosts`);
      own = own.flatMap((start) => ends.map((end) => start + end));
    }
    if (hosts.length + own.length > MOST) wrong(`more than ${MOST} hosts`);
    for (const host of own) hosts.push(host);
  }
  return hosts;
}

/**
 * Divides a list into names, and each name into texts and brackets. Commas in brackets do not
 * separate names.
 *
 * @returns The parts of each name; undefined if a bracket or a comma is wrong.
 */
function namesIn(list: string): string[][] | undefined {
  // No token contains the start of another one, so that the time does not grow with the square of
  // the length.
  const token = /\[[^[\]]*\]|[^,[\]]+|,/y, names: string[][] = [[]];
  while (token.lastIndex < list.length) {
    const text = token.exec(list)?.[0];
    if (text === undefined) return undefined;
    if (text === ",") names.push([]);
    else names.at(-1)!.push(text);
  }
  return names.every(({ length }) => length > 0) ? names : undefined;
}

/** Expands the content of brackets. Numbers keep their leading zeros. */
function numbersOf(text: string, wrong: (why: string) => never): string[] {
  const numbers: string[] = [];
  for (const item of text.split(",")) {
    const [, from, to = from] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(item) ?? [];
    if (from === undefined) return wrong(`${JSON.stringify(item)} is not a number or a range`);
    const first = Number(from), count = Number(to) - first + 1;
    if (!(count > 0)) return wrong(`the range ${item} ends before it starts`);
    if (numbers.length + count > MOST) return wrong(`more than ${MOST} hosts`);
    for (let index = 0; index < count; index++) {
      numbers.push(String(first + index).padStart(from.length, "0"));
    }
  }
  return numbers;
}
