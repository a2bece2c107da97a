import { Ajv2020, type ValidateFunction } from "npm:ajv@8.17.1/dist/2020.js";
import { assert, assertEquals } from "@std/assert";
import { parse, stringify } from "yaml";
import { readPlan } from "../../../src/run/read_plan.ts";
import { UserError } from "../../../src/base/errors.ts";
import { type JsonSchema, pipelineJsonSchema } from "../../../src/pipeline/generate/json_schema.ts";
import { stageKinds } from "../../../src/stages/stage.ts";
import { defineSchedule, nestedStage, pathOption, type Schedule, z } from "../../../plugin.ts";
import { builtins } from "../../../plugins/mod.ts";
import { sweepJsonSchema } from "../../../src/pipeline/sweep_file/json_schema.ts";
import { digitsPipeline, withPipeline } from "../../support/pipelines.ts";
import { withFiles } from "../../support/problems.ts";

const schema = pipelineJsonSchema(builtins);
/** Unknown keywords are errors. A condition may require properties that are described elsewhere. */
const strictness = { strict: true, strictRequired: false, allowUnionTypes: true } as const;
const ajv = new Ajv2020({ ...strictness, allErrors: true });
const isPipeline = ajv.compile(schema);
ajv.addSchema(schema, "pipeline");

/** Returns the validator for the entries of one kind of stage, which Ajv compiles only once. */
const entryOf = (kind: string): ValidateFunction => ajv.getSchema(`pipeline#/$defs/${kind}`)!;

const text = (path: string) => Deno.readTextFile(new URL(`../../../${path}`, import.meta.url));

function assertValid(validate: ValidateFunction, value: unknown, message: string): void {
  assert(validate(value), `${message}: ${JSON.stringify(validate.errors)}`);
}

Deno.test("schema/pipeline.json is up to date with the stages' schemas (deno task schema)", async () => {
  assertEquals(await text("schema/pipeline.json"), JSON.stringify(schema, undefined, 2) + "\n");
});

Deno.test("pipelineJsonSchema() is a valid schema of draft 2020-12 without unknown keywords", () => {
  assertEquals(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert(ajv.validateSchema(schema), JSON.stringify(ajv.errors));
});

Deno.test("schema/sweep.json is up to date with the schema of sweeps (deno task schema)", async () => {
  const sweep = JSON.stringify(sweepJsonSchema(schema), undefined, 2) + "\n";
  assertEquals(await text("schema/sweep.json"), sweep);
});

Deno.test("all sweeps of the repository are valid under schema/sweep.json, but not with a misspelled key", async () => {
  const isSweep = new Ajv2020({ ...strictness, strictTypes: false })
    .addSchema(JSON.parse(await text("schema/pipeline.json")), "pipeline.json")
    .compile(JSON.parse(await text("schema/sweep.json")));
  let count = 0;
  for (const folder of ["pipelines", "pipelines/paper"]) {
    for await (const { name } of Deno.readDir(new URL(`../../../${folder}/`, import.meta.url))) {
      if (!name.endsWith(".yaml") || (folder === "pipelines" && !name.startsWith("sweep-"))) {
        continue;
      }
      const sweep = parse(await text(`${folder}/${name}`));
      assertValid(isSweep, sweep, name);
      assert(!isSweep({ ...sweep, sedes: [1] }), name);
      for (const wrong of [{ networks: {} }, { network: { use: "mpl" } }, { grid: [1] }]) {
        assert(!isSweep({ ...sweep, settings: { a: wrong } }), `${name} ${JSON.stringify(wrong)}`);
      }
      count++;
    }
  }
  assert(count > 10, `${count}`);
});

Deno.test("all pipelines of the repository are valid under schema/pipeline.json", async () => {
  const committed = new Ajv2020(strictness)
    .compile(JSON.parse(await text("schema/pipeline.json")));
  let count = 0;
  for (const folder of ["pipelines", "pipelines/bars"]) {
    for await (const { name } of Deno.readDir(new URL(`../../../${folder}/`, import.meta.url))) {
      // Sweep files have a different schema.
      if (!name.endsWith(".yaml") || name.startsWith("sweep-")) continue;
      assertValid(committed, parse(await text(`${folder}/${name}`)), name);
      count++;
    }
  }
  assert(count >= 2);
});

Deno.test("the example of each built-in stage is valid, but not with a misspelled key", () => {
  for (const { kind, name, example } of builtins) {
    const validate = entryOf(kind);
    const entry = parse(example!) as Record<string, unknown>;
    if (kind === "optimizer") entry.learningRate ??= 0.1;
    assertValid(validate, entry, name);
    for (const [key, value] of Object.entries(entry)) {
      const { [key]: _, ...rest } = entry;
      assert(!validate({ ...rest, [`${key}x`]: value }), `${kind} ${name}: ${key}x`);
    }
  }
});

Deno.test("the short form of a built-in stage is valid exactly if it has no required options", () => {
  for (const { kind, name } of builtins) {
    const validate = entryOf(kind);
    assertEquals(validate(name), validate({ use: name }), `${kind} ${name}`);
  }
});

Deno.test("the JSON Schema and makePlan() reject the same pipelines", async () => {
  const { data, losses, ...rest } = digitsPipeline() as {
    data: Record<string, unknown>;
    losses: Record<string, unknown>[];
  };
  const whole = { data, losses, ...rest } as Record<string, unknown>;
  const train = { epochs: 1, batch: 8 };
  const loss = (entry: unknown) => ({ ...whole, losses: [losses[0], losses[1], entry] });
  const right: [string, unknown][] = [
    ["as it is", whole],
    ["$schema", { $schema: "../schema/pipeline.json", ...whole }],
    ["split", { ...whole, data: { ...data, split: { validation: 0.5 } } }],
    ["rows", { ...whole, data: { ...data, rows: 100 } }],
    ["feature without options", { ...whole, data: { ...data, features: { image: null } } }],
    ["a name alone", { ...whole, network: "mlp" }],
    ["nested", {
      ...whole,
      optimizer: {
        use: "adam",
        learningRate: 1,
        schedule: { use: "warm-up", for: 1, then: { use: "warm-up", for: 2, then: "cosine" } },
      },
    }],
    ["select", { ...whole, train: { ...train, select: "light/accuracy" } }],
    ["a loss's default name", loss({ use: "kl", name: "kl(booster→light)" })],
  ];
  const wrong: [string, unknown][] = [
    ["unknown key", { ...whole, sead: 1 }],
    ["missing key", { ...whole, network: undefined }],
    ["name", { ...whole, name: "a b" }],
    ["seed", { ...whole, seed: -1 }],
    ["seed of 33 bits", { ...whole, seed: 2 ** 32 }],
    ["epochs", { ...whole, train: { ...train, epochs: 0 } }],
    ["baseline", { ...whole, train: { ...train, baseline: "alone" } }],
    ["no losses", { ...whole, losses: [] }],
    ["stage", { ...whole, network: "mpl" }],
    ["kind", { ...whole, network: "kl" }],
    ["option", { ...whole, network: { use: "mlp", lihgt: [8] } }],
    ["type of an option", { ...whole, network: { use: "mlp", light: 8 } }],
    ["option of another stage", { ...whole, network: { use: "mlp", sharing: "none" } }],
    ["needed option", { ...whole, optimizer: "sgd" }],
    ["range", { ...whole, optimizer: { use: "sgd", learningRate: 1, momentum: 1 } }],
    ["nested stage", {
      ...whole,
      optimizer: {
        use: "sgd",
        learningRate: 1,
        schedule: { use: "warm-up", for: 1, then: "cosin" },
      },
    }],
    ["on of a loss", loss({ use: "kl", from: "boost" })],
    ["weight", loss({ use: "kl", weight: "x" })],
    ["split", { ...whole, data: { ...data, split: { validation: 1 } } }],
    ["rows", { ...whole, data: { ...data, rows: 0 } }],
    ["tuple", { ...whole, data: { ...data, transforms: [{ use: "crop", to: [3] }] } }],
    ["feature", { ...whole, data: { ...data, features: { image: { shpe: [3] } } } }],
    ["metrics", { ...whole, metrics: "accuracy" }],
  ];
  const isPlanned = (pipeline: unknown) =>
    withPipeline(pipeline as Record<string, unknown>, async (file) => {
      try {
        await readPlan(file);
        return true;
      } catch (error) {
        if (error instanceof UserError) return false;
        throw error;
      }
    });
  for (const [cases, expected] of [[right, true], [wrong, false]] as const) {
    for (const [name, pipeline] of cases) {
      const value = parse(stringify(pipeline));
      assertEquals([name, isPipeline(value), await isPlanned(value)], [name, expected, expected]);
    }
  }
});

Deno.test("the JSON Schema accepts stages from files and packages with any options", () => {
  const elsewhere = [
    "./mine.ts",
    "../mine.js#other",
    "/abs/mine.ts",
    "mine.ts",
    "jsr:@a/b",
    "npm:a",
    "https://example.com/a.ts",
  ];
  for (const kind of stageKinds) {
    const validate = entryOf(kind);
    const common = kind === "optimizer" ? { learningRate: 1 } : {};
    for (const use of elsewhere) {
      assertValid(validate, { use, ...common, any: [{}] }, `${kind} ${use}`);
      assertEquals(validate(use), kind !== "optimizer", `${kind} ${use}`);
    }
    assert(!validate({ use: "no-such-stage", ...common }), kind);
  }
});

Deno.test("a file that extends another may be incomplete", async () => {
  const right: Record<string, unknown>[] = [
    {},
    { name: "other" },
    { train: { epochs: 3 } },
    { data: { test: { path: "other.arrow" }, label: { classes: 3 } } },
    { data: { features: { image: { pad: 0 }, more: null } } },
    { network: { shared: [8], light: [4] } },
    { network: { use: "mlp", light: [4] } },
    { network: "mlp" },
    { optimizer: { learningRate: 0.5 } },
    { optimizer: { momentum: 0, schedule: { by: 0.5 } } },
    { losses: [{ use: "kl", weight: 2 }] },
    { metrics: ["accuracy"], outputs: [] },
  ];
  const wrong: Record<string, unknown>[] = [
    { sead: 1 },
    { train: { epoch: 3 } },
    { train: { epochs: 0 } },
    { network: { lihgt: [4] } },
    { network: "mpl" },
    { network: { shared: 8 } },
    { optimizer: { momentum: 1 } },
    // Lists replace other lists, so their items must be complete.
    { losses: [{ weight: 2 }] },
    { data: { transforms: [{ by: 2 }] } },
  ];
  for (const part of right) {
    assertValid(isPipeline, { extends: "base.yaml", ...part }, JSON.stringify(part));
    assert(!isPipeline(part), JSON.stringify(part));
  }
  for (const part of wrong) {
    assert(!isPipeline({ extends: ["a.yaml", "b.json"], ...part }), JSON.stringify(part));
  }
  assertValid(isPipeline, { extends: "a.yaml", network: { use: "./mine.ts", any: 1 } }, "a file");
  for (const bases of [3, [1], {}]) {
    assert(!isPipeline({ extends: bases }), JSON.stringify(bases));
  }
  // makePlan() accepts what the schema accepts.
  const pipeline = digitsPipeline();
  const base = stringify({
    ...pipeline,
    data: { ...pipeline.data as object, label: { column: "digit" } },
    optimizer: { use: "sgd", learningRate: 1, schedule: { use: "steps", at: [1] } },
  });
  await withFiles({ "base.yaml": base }, async (folder) => {
    const file = `${folder}/p.yaml`;
    for (const part of right) {
      await Deno.writeTextFile(file, stringify({ extends: "base.yaml", ...part }));
      await readPlan(file);
    }
  });
});

Deno.test("all options have descriptions for editors", () => {
  const missing: string[] = [];
  const visit = (part: unknown, path: string) => {
    if (typeof part !== "object" || part === null) return;
    const { properties = {} } = part as { properties?: Record<string, JsonSchema> };
    for (const [name, property] of Object.entries(properties)) {
      if (name !== "use" && !property.description) missing.push(`${path}.${name}`);
    }
    for (const [key, inner] of Object.entries(part)) visit(inner, `${path}.${key}`);
  };
  visit(schema, "");
  assertEquals(missing, []);
});

Deno.test("pipelineJsonSchema() contains the given stages, including nested ones, with defaults", () => {
  const mine = defineSchedule({
    name: "mine",
    summary: "Mine.",
    options: z.object({
      then: nestedStage<Schedule>("schedule").optional().describe("What follows."),
      file: pathOption(z.string()).describe("A file."),
      by: z.number().default(3).describe("The factor."),
    }),
    create: () => () => 1,
  });
  const { $defs } = pipelineJsonSchema([mine]) as { $defs: Record<string, JsonSchema> };
  const { anyOf } = $defs.schedule as { anyOf: JsonSchema[] };
  assertEquals(anyOf.find(({ title }) => title === "mine"), {
    type: "object",
    title: "mine",
    description: "Mine.",
    properties: {
      use: { const: "mine" },
      then: { $ref: "#/$defs/schedule", description: "What follows." },
      file: { type: "string", description: "A file." },
      by: { type: "number", default: 3, description: "The factor." },
    },
    required: ["use", "file"],
    additionalProperties: false,
  });
  assertEquals(($defs.loss as { anyOf: JsonSchema[] }).anyOf.length, 2);
});
