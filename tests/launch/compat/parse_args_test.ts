// These tests use Node's assertions, since the project's own assertions are tested separately.
import { deepStrictEqual, throws } from "node:assert/strict";
import * as standIn from "../../../src/launch/compat/cli/parse_args.ts";
import { forEachImplementation, implementations } from "./implementations.ts";
import { type ParseArgsCase, parseArgsCases } from "./parse_args_cases.ts";

type ParseArgs = (args: readonly string[], options?: Record<string, unknown>) => unknown;

const parsers = await implementations<{ readonly parseArgs: ParseArgs }>(
  "@std/cli/parse-args",
  standIn as { parseArgs: ParseArgs },
);

for (const [says, cases] of Object.entries(parseArgsCases)) {
  forEachImplementation(parsers, `parseArgs() ${says}`, ({ parseArgs }) => {
    for (const one of cases) holdTo(parseArgs, one);
  });
}

function holdTo(parseArgs: ParseArgs, one: ParseArgsCase): void {
  const { args, options = {}, answer, asked, result } = one;
  const calls: unknown[][] = [];
  const unknown = answer && ((argument: string, key?: string, ...rest: unknown[]) => {
    calls.push([argument, ...(key === undefined ? [] : [key]), ...rest]);
    return answer(argument, key);
  });
  const message = `parseArgs(${JSON.stringify(args)}, ${JSON.stringify(options)})`;
  const found = parseArgs(args, { ...options, ...(unknown && { unknown }) });
  deepStrictEqual({ message, found }, { message, found: result });
  if (asked) deepStrictEqual({ message, calls }, { message, calls: asked });
}

forEachImplementation(parsers, "parseArgs() leaves its arguments as they are", ({ parseArgs }) => {
  const args = Object.freeze(["--a", "1", "--", "x"]);
  parseArgs(args, { "--": true });
  deepStrictEqual([...args], ["--a", "1", "--", "x"]);
  deepStrictEqual((Object.prototype as Record<string, unknown>).polluted, undefined);
});

forEachImplementation(
  parsers,
  "parseArgs() throws on an alias without a value",
  ({ parseArgs }) => {
    throws(() => parseArgs([], { alias: { a: undefined } }), {
      name: "TypeError",
      message: "Alias value must be defined",
    });
  },
);
