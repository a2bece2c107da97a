import { assertEquals, assertThrows } from "@std/assert";
import { defineLoss, defineMetric, defineTransform, z } from "../../plugin.ts";
import { isStage } from "../../src/pipeline/registry.ts";

/** A definition with a property of another kind, as code without types may have it. */
const metric = (parts: Record<string, unknown>) => () =>
  defineMetric(
    {
      ...{ name: "m", summary: "M.", options: z.object({}) },
      create: () => ({ start: () => ({ add() {}, value: () => 0 }) }),
      ...parts,
    } as Parameters<typeof defineMetric>[0],
  );

Deno.test("the define… functions refuse properties that they do not know, and name the stage", () => {
  assertEquals(isStage(metric({})()), true);
  const loss = { name: "l", summary: "L.", options: z.object({}), create: () => () => {} };
  const transform = { name: "t", summary: "T.", options: z.object({}), create: () => ({}) };
  const cases: readonly (readonly [() => unknown, string])[] = [
    [metric({ name: "M" }), 'a stage\'s name in kebab case, such as "mse-hint"; got "M"'],
    [metric({ summary: 5 }), "a text as the summary of the stage m"],
    [metric({ options: undefined }), "z.object({ … }) as the options of the stage m"],
    [
      metric({ options: z.object({}).transform((value) => value) }),
      "z.object({ … }) as the options of the stage m",
    ],
    [metric({ rocket: "new" }), 'a range of Rocket\'s versions, such as "^0.1"; got "new"'],
    [metric({ per: "nets" }), '"net" or "run" as `per` of the stage m; got nets'],
    [metric({ values: "many" }), '"one" or "several" as `values` of the stage m; got many'],
    [() => defineLoss({ ...loss, form: "hints" } as never), '"task" or "hint" as `form` of'],
    [
      () => defineTransform({ ...transform, on: "both" } as never),
      '"training" or "all" as `on` of',
    ],
  ];
  for (const [define, words] of cases) assertThrows(define, TypeError, `expected ${words}`);
});

Deno.test("isStage() accepts only what the define… functions return", () => {
  const stage = metric({})();
  for (
    const changed of [
      { ...stage, summary: 5 },
      { ...stage, kind: "x" },
      { ...stage, create: undefined },
      { ...stage, options: { safeParse: () => ({ success: true }) } },
      { ...stage, options: z.lazy(() => z.object({})) },
    ]
  ) assertEquals(isStage(changed), false);
});
