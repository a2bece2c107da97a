import { UserError } from "../base/errors.ts";

/** The most hosts that a list may stand for: a mistake such as `n[0-999999999]` would fill memory. */
const MOST = 65_536;

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
  // Commas in brackets do not separate names.
  const names = list.match(/(?:\[[^\]]*\]|[^,[\]])+/g) ?? [];
  if (names.join(",") !== list) wrong("a bracket or a comma too many");
  const hosts = names.flatMap((name) => {
    const parts = name.split(/(\[[^\]]*\])/).filter((part) => part !== "");
    return parts.reduce<string[]>((before, part) => {
      const ends = part.startsWith("[") ? numbersOf(part.slice(1, -1), wrong) : [part];
      if (before.length * ends.length > MOST) wrong(`more than ${MOST} hosts`);
      return before.flatMap((start) => ends.map((end) => start + end));
    }, [""]);
  });
  return hosts.length > MOST ? wrong(`more than ${MOST} hosts`) : hosts;
}

/** Expands the content of brackets. Numbers keep their leading zeros. */
function numbersOf(text: string, wrong: (why: string) => never): string[] {
  return text.split(",").flatMap((item) => {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(item) ?? [];
    if (from === undefined) return wrong(`${JSON.stringify(item)} is not a number or a range`);
    const first = Number(from), count = Number(to) - first + 1;
    if (!(count > 0)) return wrong(`the range ${item} ends before it starts`);
    if (count > MOST) return wrong(`more than ${MOST} hosts`);
    return Array.from(
      { length: count },
      (_, index) => String(first + index).padStart(from.length, "0"),
    );
  });
}
