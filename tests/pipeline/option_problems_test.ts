import { join } from "node:path";
import { assert, assertEquals } from "@std/assert";
import { documentOfValue, readDocument } from "../../src/pipeline/document/document.ts";
import { formatPlace, type Problem } from "../../src/base/errors.ts";
import { checkOptions } from "../../src/pipeline/option_problems.ts";
import { defineSchedule, type ScheduleStage, z } from "../../plugin.ts";
import mseHint from "../../plugins/losses/mse_hint.ts";
import { withFiles } from "../support/problems.ts";
import { allCode } from "../support/all_code.ts";

/** A stage with some options. */
const stageWith = (options: z.ZodObject): ScheduleStage =>
  defineSchedule({ name: "mine", summary: "A stage.", options, create: () => () => 1 });

const rows = (problems: readonly Problem[]) =>
  problems.map(({ message, place, hint }) => [
    formatPlace(place!),
    message,
    ...(hint === undefined ? [] : [hint]),
  ]);

/** Returns the problems of options in YAML, for a stage called `mine`. */
async function problemsWith(options: z.ZodObject, text: string): Promise<string[][]> {
  return await withFiles({ "f.yaml": text }, async (folder) => {
    const document = await readDocument(join(folder, "f.yaml"), { allowed: allCode });
    const value = document.value as Record<string, unknown>;
    const { problems } = checkOptions(stageWith(options), value, { document, path: [] });
    return rows(problems).map(([place, ...rest]) => [place!.split("f.yaml:")[1]!, ...rest]);
  });
}

/** Returns the message and the hint, if any, of the only problem with an option `a`. */
async function problemWith(schema: z.ZodType, text: string): Promise<string[]> {
  const problems = await problemsWith(z.object({ a: schema }), `a: ${text}\n`);
  assertEquals(problems.length, 1, JSON.stringify(problems));
  return problems[0]!.slice(1);
}

Deno.test("checkOptions() fills in the defaults", async () => {
  const stage = stageWith(
    z.object({ rate: z.number(), by: z.number().default(2), at: z.int().optional() }),
  );
  const document = await documentOfValue({ rate: 1 }, { allowed: allCode });
  const subject = { document, path: [] };
  assertEquals(checkOptions(stage, { rate: 1 }, subject), {
    options: { rate: 1, by: 2 },
    problems: [],
  });
  assertEquals(checkOptions(stage, {}, subject).options, undefined);
});

Deno.test("checkOptions() reports the expected and the actual value, for each type of value", async () => {
  const cases: [z.ZodType, string, string][] = [
    [z.number(), "x", 'expected a number, got "x"'],
    [z.number(), "'1'", 'expected a number, got "1"'],
    [z.number(), ".nan", "expected a finite number, got NaN"],
    [z.number(), ".inf", "expected a finite number, got Infinity"],
    [z.number(), "", "expected a number, got nothing"],
    [z.number(), "[1]", "expected a number, got [1]"],
    [z.string(), "1", "expected text, got 1"],
    [z.string(), "true", "expected text, got true"],
    [z.string(), "{ b: 1 }", 'expected text, got {"b":1}'],
    [z.boolean(), "yes", 'expected true or false, got "yes"'],
    [z.int(), "1.5", "expected a whole number, got 1.5"],
    [z.number().int(), "1.5", "expected a whole number, got 1.5"],
    [z.array(z.number()), "3", "expected a list, got 3"],
    [z.tuple([z.number()]), "3", "expected a list, got 3"],
    [z.object({}), "3", "expected a map, got 3"],
    [z.record(z.string(), z.number()), "[]", "expected a map, got []"],
    [z.null(), "3", "expected nothing, got 3"],
    [z.number().nullable(), "x", 'expected a number, got "x"'],
  ];
  for (const [schema, text, message] of cases) {
    assertEquals(await problemWith(schema, text), [`a of mine: ${message}`], text);
  }
});

Deno.test("checkOptions() reports the expected ranges and lengths", async () => {
  const cases: [z.ZodType, string, string][] = [
    [z.number().min(1), "0", "expected a number of at least 1, got 0"],
    [z.number().max(1), "2", "expected a number of at most 1, got 2"],
    [z.number().gt(0), "0", "expected a number greater than 0, got 0"],
    [z.number().positive(), "-1e-7", "expected a number greater than 0, got -1e-7"],
    [z.number().lt(1), "1", "expected a number less than 1, got 1"],
    [z.number().multipleOf(8), "3", "expected a multiple of 8, got 3"],
    [z.string().min(1), "''", 'expected at least 1 character, got ""'],
    [z.string().max(2), "abc", 'expected at most 2 characters, got "abc"'],
    [z.string().length(2), "abc", 'expected exactly 2 characters, got "abc"'],
    [z.array(z.number()).min(1), "[]", "expected at least 1 item, got []"],
    [z.array(z.number()).max(1), "[1, 2]", "expected at most 1 item, got [1,2]"],
    [z.array(z.number()).length(2), "[1]", "expected exactly 2 items, got [1]"],
    [z.tuple([z.number(), z.number()]), "[1]", "expected at least 2 items, got [1]"],
    [z.tuple([z.number(), z.number()]), "[1, 2, 3]", "expected at most 2 items, got [1,2,3]"],
  ];
  for (const [schema, text, message] of cases) {
    assertEquals(await problemWith(schema, text), [`a of mine: ${message}`], text);
  }
});

Deno.test("checkOptions() reports the expected form of texts", async () => {
  const cases: [z.ZodType, string, string][] = [
    [z.string().regex(/^[a-z]+$/), "X", 'expected text like /^[a-z]+$/, got "X"'],
    [z.email(), "x", 'expected a valid email, got "x"'],
    [z.url(), "x", 'expected a valid url, got "x"'],
    [z.string().startsWith("s3:"), "x", 'expected text that starts with "s3:", got "x"'],
    [z.string().endsWith(".csv"), "x", 'expected text that ends with ".csv", got "x"'],
    [z.string().includes("*"), "x", 'expected text that contains "*", got "x"'],
  ];
  for (const [schema, text, message] of cases) {
    assertEquals(await problemWith(schema, text), [`a of mine: ${message}`], text);
  }
});

Deno.test("checkOptions() lists the choices and suggests the most similar one", async () => {
  const sharing = z.enum(["interval", "bottom", "none"]);
  const expected = "a of mine: expected interval, bottom or none, got";
  assertEquals(await problemWith(sharing, "botom"), [
    `${expected} "botom"`,
    "did you mean bottom?",
  ]);
  assertEquals(await problemWith(sharing, "middle"), [`${expected} "middle"`]);
  assertEquals(await problemWith(sharing, "3"), [`${expected} 3`]);
  assertEquals(await problemWith(z.literal("on"), "onn"), [
    'a of mine: expected on, got "onn"',
    "did you mean on?",
  ]);
});

Deno.test("checkOptions() reports unknown options at their keys, with the most similar option", async () => {
  const options = z.object({ weightDecay: z.number().default(0), momentum: z.number().default(0) });
  assertEquals(await problemsWith(options, "# options\nmomentum: 1\n  \nweight_decay: 2\nx: 3\n"), [
    ["4:1", 'mine has no option "weight_decay"', "did you mean weightDecay?"],
    ["5:1", 'mine has no option "x"', "the allowed names are weightDecay and momentum"],
  ]);
  assertEquals(await problemsWith(z.object({}), "x: 3\n"), [
    ["1:1", 'mine has no option "x"'],
  ]);
});

Deno.test("checkOptions() suggests options by their names in other tools", async () => {
  const options = z.object({ learningRate: z.number(), batch: z.number().default(1) });
  for (const [key, option] of [["lr", "learningRate"], ["rate", "learningRate"]]) {
    assertEquals(await problemsWith(options, `${key}: 1\n`), [
      ["1:1", `mine has no option "${key}"`, `did you mean ${option}?`],
    ]);
  }
  assertEquals(await problemsWith(options, "learningRate: 1\nbatch_size: 2\n"), [
    ["2:1", 'mine has no option "batch_size"', "did you mean batch?"],
  ]);
});

Deno.test("checkOptions() accepts the keys of an entry that are not options of the stage", async () => {
  const document = await documentOfValue({ gradent: "block" }, { allowed: allCode });
  const subject = { document, path: [], ignore: ["use", "gradient"] };
  const { problems } = checkOptions(stageWith(z.object({})), { gradent: "block" }, subject);
  assertEquals(rows(problems), [
    ["the pipeline (gradent)", 'mine has no option "gradent"', "did you mean gradient?"],
  ]);
});

Deno.test("checkOptions() reports missing options at the stage", async () => {
  const options = z.object({ rate: z.number(), net: z.strictObject({ depth: z.int() }) });
  assertEquals(await problemsWith(options, "\nnet: {}\n"), [
    ["2:1", 'mine needs "rate": expected a number'],
    ["2:6", 'net of mine needs "depth": expected a number'],
  ]);
});

Deno.test("checkOptions() reports a misspelled required option only once", async () => {
  const options = z.object({ learningRate: z.number(), momentum: z.number() });
  assertEquals(await problemsWith(options, "learning_rate: 1\n"), [
    ["1:1", 'mine needs "momentum": expected a number'],
    ["1:1", 'mine has no option "learning_rate"', "did you mean learningRate?"],
  ]);
  const loose = z.object({ a: z.object({ depth: z.number() }) });
  assertEquals(await problemsWith(loose, "a: { dept: 1 }\n"), [
    ["1:4", 'a of mine needs "depth": expected a number', 'rename "dept" to "depth"'],
  ]);
});

Deno.test("checkOptions() finds mistakes within lists and maps, at their places", async () => {
  const options = z.object({
    nets: z.array(z.strictObject({ depth: z.int().min(1), width: z.int().default(1) })),
    names: z.record(z.string(), z.string()),
    size: z.tuple([z.int(), z.int()]),
  });
  const text = [
    "nets:",
    "  - depth: 0",
    "  - { depth: 1, widht: 2 }",
    "  - 3",
    "names: { a: b, c: 4 }",
    "size: [1, x]",
  ].join("\n");
  assertEquals(await problemsWith(options, text), [
    ["2:12", "nets[0].depth of mine: expected a number of at least 1, got 0"],
    ["3:17", 'nets[1] of mine has no key "widht"', "did you mean width?"],
    ["4:5", "nets[2] of mine: expected a map, got 3"],
    ["5:19", "names.c of mine: expected text, got 4"],
    ["6:11", 'size[1] of mine: expected a number, got "x"'],
  ]);
});

Deno.test("checkOptions() rejects keys that a record does not allow", async () => {
  const letters = z.record(z.string().regex(/^[a-z]$/), z.number());
  assertEquals(await problemsWith(z.object({ a: letters }), "a: { X: 1 }\n"), [
    ["1:6", '"X" is not a valid name: expected text like /^[a-z]$/'],
  ]);
  const said = z.record(z.string().regex(/^[a-z]$/, "expected one letter"), z.number());
  assertEquals(await problemWith(said, "{ X: 1 }"), [
    '"X" is not a valid name: expected one letter',
  ]);
  const nets = z.record(z.enum(["light", "booster"]), z.number());
  assertEquals(await problemWith(nets, "{ light: 1, bosster: 2 }"), [
    'a of mine has no key "bosster"',
    "did you mean booster?",
  ]);
});

Deno.test("checkOptions() reports the problems of the most similar alternative of a union", async () => {
  const rate = z.union([z.number().positive(), z.enum(["auto", "none"])]);
  const nets = z.union([
    z.strictObject({ depth: z.number() }),
    z.strictObject({ units: z.number(), layers: z.number() }),
  ]);
  const cases: [z.ZodType, string, ...string[]][] = [
    [rate, "-1", "a of mine: expected a number greater than 0, got -1"],
    [
      rate,
      "atuo",
      'a of mine: expected a number or auto or none, got "atuo"',
      "did you mean auto?",
    ],
    [rate, "[]", "a of mine: expected a number or auto or none, got []"],
    [
      nets,
      "{ units: 1, layer: 2 }",
      'a of mine has no key "layer"',
      "did you mean layers?",
    ],
    [nets, "{ depth: x }", 'a.depth of mine: expected a number, got "x"'],
    [nets, "{ units: 2, layers: x }", 'a.layers of mine: expected a number, got "x"'],
    [nets, "3", "a of mine: expected a map, got 3"],
    [
      z.union([z.string(), z.array(z.string())]),
      "[x, 3]",
      "a[1] of mine: expected text, got 3",
    ],
  ];
  for (const [schema, text, ...problem] of cases) {
    assertEquals(await problemWith(schema, text), problem, text);
  }
});

Deno.test("checkOptions() distinguishes the alternatives of a discriminated union", async () => {
  const schema = z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("linear"), slope: z.number() }),
    z.strictObject({ type: z.literal("steps"), at: z.array(z.number()) }),
  ]);
  const cases: [string, ...string[]][] = [
    [
      "{ type: step }",
      'a.type of mine: expected linear or steps, got "step"',
      "did you mean steps?",
    ],
    ["{}", 'a of mine needs "type": expected linear or steps'],
    ["{ type: linear }", 'a of mine needs "slope": expected a number'],
    ["{ type: steps, at: 3 }", "a.at of mine: expected a list, got 3"],
  ];
  for (const [text, ...problem] of cases) {
    assertEquals(await problemWith(schema, text), problem, text);
  }
});

Deno.test("checkOptions() finds names within lazy schemas and intersections", async () => {
  const depth = z.strictObject({ depth: z.number() });
  assertEquals(await problemWith(z.lazy(() => depth), "{ dept: 1 }"), [
    'a of mine has no key "dept"',
    "did you mean depth?",
  ]);
  const both = z.intersection(z.object({ depth: z.number() }), z.object({ width: z.number() }));
  assertEquals(await problemWith(both, "{ dept: 1, width: 2 }"), [
    'a of mine needs "depth": expected a number',
    'rename "dept" to "depth"',
  ]);
});

Deno.test("checkOptions() uses the messages of the stage's author", async () => {
  const cases: [z.ZodType, string, string][] = [
    [
      z.number({ error: "expected the part of the rows" }),
      "x",
      'a of mine: expected the part of the rows, got "x"',
    ],
    [
      z.string().refine((text) => text.length % 2 === 0, "expected an even length"),
      "x",
      'a of mine: expected an even length, got "x"',
    ],
    [
      z.string().refine((text) => text.length % 2 === 0, "the length is odd"),
      "x",
      'a of mine: the length is odd, got "x"',
    ],
    [
      z.union([z.number(), z.array(z.number())], { error: "expected one number or several" }),
      "x",
      'a of mine: expected one number or several, got "x"',
    ],
  ];
  for (const [schema, text, message] of cases) {
    assertEquals(await problemWith(schema, text), [message], text);
  }
  const pair = z.object({ low: z.number(), high: z.number() });
  const ordered = pair.refine(({ low, high }) => low < high, {
    error: "expected less than high",
    path: ["low"],
  });
  assertEquals(await problemsWith(ordered, "high: 1\nlow: 2\n"), [
    ["2:6", "low of mine: expected less than high, got 2"],
  ]);
  const together = pair.refine(({ low, high }) => low < high, "expected low below high");
  assertEquals(await problemsWith(together, "high: 1\nlow: 2\n"), [
    ["1:1", 'mine: expected low below high, got {"high":1,"low":2}'],
  ]);
});

Deno.test("checkOptions() shortens long values, stages, functions and cyclic values in messages", async () => {
  const loop: Record<string, unknown> = {};
  loop.loop = loop;
  const values: [unknown, string][] = [
    ["x".repeat(100), `"${"x".repeat(56)}…`],
    [Array.from({ length: 100 }, (_, index) => index), ""],
    [mseHint, "the loss stage mse-hint"],
    [12n, "12"],
    [Symbol("s"), "Symbol(s)"],
    [loop, "[object Object]"],
  ];
  for (const [value, shown] of values) {
    const stage = stageWith(z.object({ a: z.boolean() }));
    const document = await documentOfValue({}, { allowed: allCode });
    const { problems } = checkOptions(stage, { a: value }, { document, path: [] });
    const [message, prefix] = [problems[0]!.message, "a of mine: expected true or false, got "];
    assert(message.startsWith(prefix) && message.length < prefix.length + 60, message);
    if (shown) assertEquals(message, prefix + shown);
  }
});

Deno.test("checkOptions() handles keys that are inherited properties of objects", async () => {
  const depth = z.strictObject({ depth: z.number().default(1) });
  const either = z.union([z.strictObject({ x: z.number() }), z.record(z.string(), depth)]);
  assertEquals(await problemWith(either, "{ constructor: { dept: 1 } }"), [
    'a.constructor of mine has no key "dept"',
    "did you mean depth?",
  ]);
  assertEquals(await problemsWith(z.object({}), "toString: 1\n"), [
    ["1:1", 'mine has no option "toString"'],
  ]);
});
