import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../pipeline/errors.ts";
import { refuseLargeNets } from "../../train/sizes.ts";
import { DeclaredVariables } from "../../train/variables.ts";

const variables = new DeclaredVariables();
const initializer = { kind: "constant", value: 0 } as const;
variables.add({ name: "table", shape: [1_000, 250], initializer, owner: "light", table: true });
variables.add({ name: "kernel", shape: [500, 100], initializer, owner: "light" });
variables.add({ name: "mean", shape: [100], initializer, owner: "light", trainable: false });

/** 1 MB in a table, 0.2 MB in a kernel, which has a gradient as well, and 400 bytes that nothing moves. */
const nets = (slots: number) => ({
  variables: variables.all,
  moved: variables.all.filter(({ trainable }) => trainable),
  optimizer: { name: "adam", slots },
});

Deno.test("refuseLargeNets() counts weights, gradients of what is no table, and each slot", () => {
  for (const [slots, bytes] of [[0, 1_400_400], [2, 3_800_400]] as const) {
    refuseLargeNets(nets(slots), bytes, undefined);
    assertThrows(() => refuseLargeNets(nets(slots), bytes - 1, undefined), UserError);
  }
});

Deno.test("refuseLargeNets() names what is needed for what, and the largest variable", () => {
  const error = assertThrows(() => refuseLargeNets(nets(2), 3e6, undefined), UserError);
  assertEquals(
    error.message,
    "the nets need 3.8 MB: 1.2 MB for weights, 2.4 MB for what adam keeps of them, 200 kB for gradients; " +
      "the table table of 1,000 × 250 needs 1 MB of that; this machine has 3 MB available",
  );
  assertEquals(error.exitCode, 2);
  const { message } = assertThrows(() => refuseLargeNets(nets(0), 1e3, undefined), UserError);
  assertStringIncludes(message, "the table table of 1,000 × 250 needs 1 MB; this machine has 1 kB");
});
