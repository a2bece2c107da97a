import { assertEquals } from "@std/assert";
import { nearest } from "../../src/base/nearest.ts";

const losses = ["cross-entropy", "kl", "mse-hint", "mse-probability", "soft-label"];

Deno.test("nearest() finds the name behind a typing error", () => {
  const cases: [string, string][] = [
    ["mse-hnit", "mse-hint"],
    ["msehint", "mse-hint"],
    ["MSE_HINT", "mse-hint"],
    ["mse hint", "mse-hint"],
    ["cross-entrpy", "cross-entropy"],
    ["crossentropy", "cross-entropy"],
    ["soft-labels", "soft-label"],
    ["k", "kl"],
  ];
  for (const [word, name] of cases) assertEquals(nearest(word, losses), name, word);
});

Deno.test("nearest() returns undefined if no name is similar", () => {
  for (const word of ["focal", "hint", "", "x", "probability-of-mse"]) {
    assertEquals(nearest(word, losses), undefined, word);
  }
  assertEquals(nearest("a", []), undefined);
});

Deno.test("nearest() returns the most similar name, or the first of several equally similar ones", () => {
  assertEquals(nearest("rates", ["ratio", "rate"]), "rate");
  assertEquals(nearest("bat", ["cat", "hat"]), "cat");
  assertEquals(nearest("weight_decay", ["weightDecoy", "weightDecay"]), "weightDecay");
});
