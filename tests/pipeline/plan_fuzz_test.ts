import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { parse, stringify } from "yaml";
import { readPlan } from "../../src/run/read_plan.ts";
import { UserError } from "../../src/base/errors.ts";
import { createRandom, deriveSeed, type Random } from "../../src/base/random.ts";
import { withFiles } from "../support/problems.ts";

const quickstart = await Deno.readTextFile(
  new URL("../../pipelines/quickstart.yaml", import.meta.url),
);

/** Text that may occur in files by mistake: YAML syntax, spaces, and invalid characters. */
const strays = [..."{}[],:#&*!|>'\"%@`-?\t \n\r\0\ufeffé🚀~$0.x"];

/** Values to replace others with. */
const values: readonly string[] = [
  "",
  "~",
  "3",
  "-1",
  ".nan",
  "true",
  "x",
  "''",
  "[]",
  "{}",
  "[[]]",
  "{ use: }",
  "{ use: mlp }",
  "{ use: [x] }",
  "{ use: ./none.ts }",
  "{ <<: x }",
  "*none",
  "&a [*a]",
  "!x y",
  "${env:ROCKET_TEST_NONE}",
  "${x",
  "1e999",
  "constructor",
  "{ __proto__: 1 }",
  "{ constructor: { toString: 1 } }",
];

type Mutation = (text: string, random: Random) => string;

/** Draws one of several values. */
const pick = <T>(random: Random, of: readonly T[]): T => of[random.integer(0, of.length - 1)]!;

/** Changes the lines of a text. */
const onLines =
  (change: (lines: string[], at: number, random: Random) => void): Mutation => (text, random) => {
    const lines = text.split("\n");
    change(lines, random.integer(0, lines.length - 1), random);
    return lines.join("\n");
  };

/** Replaces one of the matches of a pattern with another text. */
function onMatch(pattern: RegExp, other: (random: Random, all: string[]) => string): Mutation {
  return (text, random) => {
    const matches = [...text.matchAll(pattern)];
    if (matches.length === 0) return text;
    const match = pick(random, matches);
    const all = matches.map(([found]) => found);
    return text.slice(0, match.index) + other(random, all) +
      text.slice(match.index + match[0].length);
  };
}

const mutations: Readonly<Record<string, Mutation>> = {
  "a line deleted": onLines((lines, at) => lines.splice(at, 1)),
  "a line twice": onLines((lines, at) => lines.splice(at, 0, lines[at]!)),
  "two lines swapped": onLines((lines, at, random) => {
    const other = random.integer(0, lines.length - 1);
    [lines[at], lines[other]] = [lines[other]!, lines[at]!];
  }),
  "a line moved in": onLines((lines, at, random) =>
    lines[at] = pick(random, [" ", "  ", "\t", "- "]) + lines[at]
  ),
  "a character changed": (text, random) => {
    const at = random.integer(0, text.length - 1);
    return text.slice(0, at) + pick(random, strays) + text.slice(at + 1);
  },
  "a character deleted": (text, random) => {
    const at = random.integer(0, text.length - 1);
    return text.slice(0, at) + text.slice(at + 1);
  },
  "a character put in": (text, random) => {
    const at = random.integer(0, text.length);
    return text.slice(0, at) + pick(random, strays) + text.slice(at);
  },
  "an end cut off": (text, random) => text.slice(0, random.integer(0, text.length)),
  "a value replaced": onMatch(/(?<=: )[^\n{},]+/g, (random) => pick(random, values)),
  "a block replaced": onMatch(/(?<=: )[{[].*/g, (random) => pick(random, values)),
  "two values swapped": onMatch(/(?<=: )[^\n{},]+/g, (random, all) => pick(random, all)),
  "two keys swapped": onMatch(/[A-Za-z]+(?=:)/g, (random, all) => pick(random, all)),
};

/** Reads a text as a pipeline file and expects a plan or a well-formed error. */
async function judge(file: string, text: string): Promise<"planned" | "refused"> {
  await Deno.writeTextFile(file, text);
  try {
    await readPlan(file);
    return "planned";
  } catch (error) {
    if (!(error instanceof UserError)) throw new Error("not a UserError", { cause: error });
    assertEquals(error.exitCode, 2);
    assert(error.problems.length > 0);
    for (const { message, place } of error.problems) {
      assert(message !== "" && !/undefined|\[object|call stack/.test(message), message);
      assertEquals(place?.file, file, message);
      assert(place!.line! >= 1 && place!.column! >= 1, message);
      assert(place!.line! <= text.split(/\n|\r/).length, message);
    }
    return "refused";
  }
}

for (const [name, mutate] of Object.entries(mutations)) {
  Deno.test(`a pipeline with ${name} is planned, or rejected with places`, async () => {
    await withFiles({}, async (folder) => {
      const seen = new Set<string>();
      for (let variant = 0; variant < 60; variant++) {
        const random = createRandom(deriveSeed(variant, "mutate", name));
        let text = mutate(quickstart, random);
        // Some variants have more than one mistake.
        if (variant % 3 === 0) text = pick(random, Object.values(mutations))(text, random);
        try {
          seen.add(await judge(join(folder, "p.yaml"), text));
        } catch (error) {
          throw new Error(`variant ${variant}:\n${text}`, { cause: error });
        }
      }
      // If all results were the same, the test would be pointless.
      assert(seen.has("refused"));
    });
  });
}

Deno.test("a pipeline with any value anywhere is planned, or rejected with places", async () => {
  await withFiles({}, async (folder) => {
    const file = join(folder, "p.yaml");
    const others: unknown[] = [null, 3, -1.5, "", "x", true, [], [[]], {}, { use: "x" }, { x: {} }];
    const whole = parse(quickstart) as Record<string, unknown>;
    let planned = 0, refused = 0;
    for (const path of pathsIn(whole)) {
      for (const other of others) {
        const copy = structuredClone(whole);
        replaceAt(copy, path, other);
        try {
          await judge(file, stringify(copy)) === "planned" ? planned++ : refused++;
        } catch (error) {
          throw new Error(`${path.join(".")}: ${JSON.stringify(other)}`, { cause: error });
        }
      }
    }
    assert(planned > 20 && refused > 500, `${planned}, ${refused}`);
  });
});

type Keys = readonly (string | number)[];

/** Returns the paths of all values within a value. */
function* pathsIn(value: unknown, path: Keys = []): Iterable<Keys> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) yield* pathsIn(inner, [...path, key]);
}

function replaceAt(value: unknown, [key, ...rest]: Keys, other: unknown): void {
  const parent = value as Record<string | number, unknown>;
  if (rest.length === 0) parent[key!] = other;
  else replaceAt(parent[key!], rest, other);
}
