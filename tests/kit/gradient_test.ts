import { defineGradient, type GradientPolicy, type GradientStage, z } from "../../plugin.ts";
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
