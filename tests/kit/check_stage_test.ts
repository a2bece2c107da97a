import { assertEquals, assertRejects } from "@std/assert";
import { type AnyStage, defineSchedule, type OptionsSchema, z } from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function schedule(options: OptionsSchema, example?: string): AnyStage {
  return defineSchedule({
    ...named,
    options,
    ...(example === undefined ? {} : { example }),
    create: () => () => 1,
  });
}

Deno.test("checkStage() rejects a value that is not a stage", async () => {
  const stages: unknown[] = [undefined, { name: "x" }];
  for (const stage of stages) {
    await assertRejects(
      () => checkStage(stage as AnyStage),
      TypeError,
      "takes a stage from one of the define… functions",
    );
  }
});

Deno.test("checkStage() accepts options with and without defaults", async () => {
  const options = z.object({ from: z.number(), to: z.number().min(0).default(1) });
  await checkStage(schedule(options, "use: tried\nfrom: 2\nto: 3"), { options: { from: 2 } });
});

Deno.test("checkStage() names an option that has no default and is missing", async () => {
  await assertBroken(schedule(z.object({ from: z.number() })), [
    "accepts its options",
    "from: ",
  ]);
});

Deno.test("checkStage() finds options that accept unknown keys", async () => {
  const stage = schedule(z.object({}));
  await assertBroken({ ...stage, options: z.looseObject({}) }, ["rejects unknown options"]);
});

Deno.test("checkStage() finds errors that do not name the missing option", async () => {
  const options = z.object({ from: z.number().optional(), to: z.number().optional() })
    .refine(({ from }) => from !== undefined, { path: ["to"], error: "is too small" });
  await assertBroken(schedule(options), ["names a missing option in its error", "without from"], {
    options: { from: 1 },
  });
});

Deno.test("checkStage() finds defaults that their own schema rejects", async () => {
  await assertBroken(schedule(z.object({ to: z.number().min(1).default(0) })), [
    "has defaults that its own options accept",
    "to: 0",
  ]);
});

Deno.test("checkStage() accepts only examples that are entries of a pipeline file", async () => {
  const options = z.object({ to: z.number().default(1) });
  for (
    const [example, words] of [
      ["use: tried\nto: high", "to: "],
      ["use: tried\nuntil: 2", "until"],
      ["use: another", "the stage is tried"],
      ["to: 1", "it has no `use:`"],
      ["use: [", "it is not YAML"],
    ] as const
  ) {
    await assertBroken(schedule(options, example), ["has an example that is an entry", words]);
  }
});

Deno.test("checkStage() takes the pipeline's own keys in an example", async () => {
  const { defineLoss, tf } = await import("../../plugin.ts");
  const loss = (example: string) =>
    defineLoss({
      ...named,
      form: "hint",
      options: z.object({}),
      example,
      create: () => (from, to) => tf.sum(tf.square(tf.sub(from, to)), -1),
    });
  await checkStage(loss("use: tried\nfrom: booster.logits\nto: light.logits\nweight: 0.1"), {
    engines: ["wasm"],
  });
  await assertBroken(loss("use: tried\nfrom: booster"), ["has an example", "from: "]);
});

Deno.test("checkStage() reports what create() throws and what it returns by mistake", async () => {
  const stage = schedule(z.object({}));
  const create = () => {
    throw new RangeError("no way");
  };
  await assertBroken({ ...stage, create }, ["does not throw", "RangeError: no way"]);
  await assertBroken({ ...stage, create: () => Promise.resolve(() => 1) }, ["a promise"]);
  await assertBroken({ ...stage, create: () => undefined }, ["it returned nothing"]);
});

Deno.test("checkStage() counts the cases of a broken rule instead of listing each", async () => {
  const stage = defineSchedule({ ...named, options: z.object({}), create: () => () => -1 });
  const error = await assertRejects(() => checkStage(stage), Error);
  assertEquals(
    (error as Error).message,
    'the schedule stage "tried" breaks a rule of the contract of a schedule:\n' +
      "- returns finite numbers of at least 0; checking the factor on the learning rate at step 0 of 1 " +
      "(epoch 0 of 1): it returned the number -1 (and 206 more cases)",
  );
});
