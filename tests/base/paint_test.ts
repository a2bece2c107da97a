import { assertEquals } from "@std/assert";
import { stripVTControlCharacters } from "node:util";
import { paint } from "../../src/base/paint.ts";
import { print, say } from "../../src/base/terminal.ts";

const red = (text: string) => `\x1b[31m${text}\x1b[0m`;
const green = (text: string) => `\x1b[32m${text}\x1b[0m`;

Deno.test("paint() colors the first word of errors, warnings and hints", () => {
  assertEquals(paint("error: no file"), "\x1b[1;31merror:\x1b[0m no file");
  assertEquals(paint("warning: odd"), "\x1b[1;33mwarning:\x1b[0m odd");
  assertEquals(paint(" hint: did you mean x?"), "\x1b[36m hint:\x1b[0m did you mean x?");
  assertEquals(paint(" --> a.yaml:1:2"), "\x1b[36m -->\x1b[0m a.yaml:1:2");
  assertEquals(paint("an error: no"), "an error: no");
});

Deno.test("paint() colors differences that are better or worse, and nothing else", () => {
  assertEquals(
    paint("light loss  0.5  0.4 −0.1000 better  0.6 +1.00e-9 worse"),
    `light loss  0.5  0.4 ${green("−0.1000 better")}  0.6 ${red("+1.00e-9 worse")}`,
  );
  assertEquals(
    paint("rocket  +0.1000 [+0.0500, +0.1500] better  1.25 × faster"),
    `rocket  ${green("+0.1000 [+0.0500, +0.1500] better")}  ${green("1.25 × faster")}`,
  );
  assertEquals(paint("the better net"), "the better net");
});

Deno.test("print() and say() use colors on a terminal only, and never with NO_COLOR", () => {
  const shown = (isTerminal: boolean, noColor: boolean): string[] => {
    const lines: string[] = [];
    const { log, error } = console;
    const before = [Deno.stdout.isTerminal, Deno.stderr.isTerminal] as const;
    const { noColor: original } = Deno;
    try {
      console.log = console.error = (line: string) => void lines.push(line);
      Deno.stdout.isTerminal = Deno.stderr.isTerminal = () => isTerminal;
      Object.defineProperty(Deno, "noColor", { value: noColor, configurable: true });
      print("+0.1000 better");
      say("error: \x1b[31mforged", ["second"]);
    } finally {
      Object.assign(console, { log, error });
      [Deno.stdout.isTerminal, Deno.stderr.isTerminal] = before;
      Object.defineProperty(Deno, "noColor", { value: original, configurable: true });
    }
    return lines;
  };
  const plain = ["+0.1000 better", "error: \\u{1b}[31mforged\nsecond"];
  assertEquals(shown(false, false), plain);
  assertEquals(shown(true, true), plain);
  const painted = shown(true, false);
  assertEquals(painted.map(stripVTControlCharacters), plain);
  assertEquals(painted[0], green("+0.1000 better"));
});
