import { assertEquals } from "@std/assert";
import { featurePlace, withEntry } from "../../src/input/feature_entries.ts";
import type { Plan } from "../../src/pipeline/plan.ts";

/** Returns the hint about a feature of a pipeline with these features. */
function hintOf(chosen: Plan["chosen"], feature: string, hint = "write `ids: train` or drop it") {
  const document = { place: () => ({ file: "p.yaml", line: 5 }) } as unknown as Plan["document"];
  const place = featurePlace({ chosen, document }, feature, "ids");
  return withEntry({ message: "wrong", place, hint }, { chosen }).hint;
}

Deno.test("withEntry() shows how a feature gets options where features are listed", () => {
  const start = "write `ids: train` or drop it";
  assertEquals(
    hintOf("rest", "big id"),
    `${start}; for this, write \`features: { "*": {}, big id: { ids: train } }\``,
  );
  assertEquals(
    hintOf(["*", "!\\*x", "a"], "a"),
    `${start}; for this, write \`features: { "*": {}, "!\\\\*x": {}, a: { ids: train } }\``,
  );
  const many = Array.from({ length: 30 }, (_, index) => `c${index}`);
  assertEquals(
    hintOf(many, "c7"),
    `${start}; for this, turn \`features\` into a map with the entries \`c0: {}\`, … and \`c7: { ids: train }\``,
  );
  assertEquals(
    hintOf({ "*": {}, b: {} }, "!a"),
    `${start}; for this, add the entry \`\\!a: { ids: train }\` to \`features\``,
  );
});

Deno.test("withEntry() adds nothing for a feature with its own entry, or other hints", () => {
  assertEquals(hintOf({ "\\*a": {} }, "*a"), "write `ids: train` or drop it");
  assertEquals(hintOf("rest", "a", "correct the data"), "correct the data");
  assertEquals(
    withEntry({ message: "wrong", place: undefined }, { chosen: "rest" }).hint,
    undefined,
  );
});
