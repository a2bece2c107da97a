import { assertRejects, assertStringIncludes } from "@std/assert";
import {
  defineGradient,
  type GradientPolicy,
  type GradientStage,
  type HintLoss,
  type PolicyHead,
  tf,
  z,
} from "../../plugin.ts";
import { checkStage } from "../../testing.ts";
import { assertBroken, named } from "./support.ts";

function policy(passes: () => GradientPolicy): GradientStage {
  return defineGradient({ ...named, options: z.object({}), create: passes });
}

Deno.test("checkStage() passes gradient policies that keep their contract", async () => {
  await checkStage(policy(() => [{ from: 0, to: 1, shared: 1 }]));
  await checkStage(policy(() => [
    { from: 0, to: ({ step, steps }) => step / steps, shared: 0.5 },
    { from: 0, to: 1, shared: 1, reversed: true },
  ]));
});

Deno.test("checkStage() finds a gradient policy without passes", async () => {
  await assertBroken(policy(() => []), ["at least one pass", "it returned an empty list"]);
  await assertBroken(policy(() => ({}) as unknown as GradientPolicy), ["at least one pass"]);
});

Deno.test("checkStage() finds factors that are missing, negative or not finite", async () => {
  await assertBroken(policy(() => [{ from: 0, to: 1 } as GradientPolicy[number]]), [
    "returns finite numbers of at least 0",
    "`shared` of pass 1: it returned nothing",
  ]);
  await assertBroken(policy(() => [{ from: -1, to: 1, shared: 1 }]), ["`from` of pass 1"]);
  await assertBroken(
    policy(() => [{ from: 0, to: ({ step, steps }) => step / (steps - 1), shared: 1 }]),
    ["`to` of pass 1 at step 0 of 1", "NaN"],
  );
});

Deno.test("checkStage() finds a factor that counts its calls", async () => {
  let calls = 0;
  await assertBroken(policy(() => [{ from: () => calls++, to: 1, shared: 1 }]), [
    "is a pure function of the position",
  ]);
});

Deno.test("checkStage() finds a pass whose `reversed` is not a boolean", async () => {
  const pass = { from: 0, to: 1, shared: 1, reversed: "yes" as unknown as boolean };
  await assertBroken(policy(() => [pass]), ["sets `reversed` to true or false"]);
});

const head = (
  compute: PolicyHead["compute"] = ([features]) => tf.slice(features!, [0, 0], [-1, 2]),
): PolicyHead => ({ reads: ["booster.features"], compute });

const withHead = (student: PolicyHead, loss?: HintLoss) =>
  checked(policy(() => [{ from: 0, to: 1, shared: 1, student, ...(loss && { loss }) }]));

const checked = (stage: GradientStage) =>
  [stage, {
    label: { kind: "class", classes: 2, shape: [], dtype: "int32" },
    engines: ["wasm"],
  }] as const;

Deno.test("checkStage() passes heads and losses of passes that keep their contract", async () => {
  await checkStage(...withHead(head()));
  await checkStage(...withHead(head(), (from, to) => tf.mean(tf.squaredDifference(from, to))));
});

Deno.test("checkStage() finds heads of another shape, that are not finite, and that are not pure", async () => {
  const cases: [PolicyHead["compute"], string, string][] = [
    [([features]) => features!, "output has the shape", "[4, 8]; expected [4, 2]"],
    [([features]) => tf.div(tf.slice(features!, [0, 0], [-1, 2]), 0), "finite outputs", ""],
    [() => tf.mul(tf.ones([4, 2]), Math.random()), "heads that are pure functions", "differ"],
  ];
  for (const [compute, rule, got] of cases) {
    const [stage, checks] = withHead(head(compute));
    const error = await assertRejects(() => checkStage(stage, checks), Error, rule);
    assertStringIncludes(error.message, got);
  }
});

Deno.test("checkStage() finds a loss of a pass that is not one number per row", async () => {
  const [stage, checks] = withHead(head(), (from) => from);
  await assertRejects(
    () => checkStage(stage, checks),
    Error,
    "one finite number per row, or a scalar",
  );
});

Deno.test("checkStage() says how to pass the shape of an output that a policy reads", async () => {
  const stage = defineGradient({
    ...named,
    options: z.object({}),
    create: (_options, { shapeOf }) => {
      shapeOf("booster.group3");
      return [{ from: 0, to: 1, shared: 1 }];
    },
  });
  await assertRejects(() => checkStage(stage), Error, "pass its shape as { outputs: … }");
  await checkStage(stage, { outputs: { "booster.group3": [2, 2, 4] } });
});
