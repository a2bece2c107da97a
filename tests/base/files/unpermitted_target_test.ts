import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { unpermittedTarget } from "../../../src/base/files/unpermitted_target.ts";

const outer = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rocket-test-" }));
const folder = join(outer, "given"), elsewhere = join(outer, "elsewhere");
for (const one of [folder, elsewhere]) {
  Deno.mkdirSync(one);
  Deno.writeTextFileSync(join(one, "a.csv"), "x\n");
}
Deno.symlinkSync(join(elsewhere, "a.csv"), join(folder, "out.csv"));
Deno.symlinkSync(elsewhere, join(folder, "outside"));
Deno.symlinkSync("a.csv", join(folder, "inside.csv"));
Deno.symlinkSync("nowhere.csv", join(folder, "nowhere.csv"));
globalThis.addEventListener("unload", () => Deno.removeSync(outer, { recursive: true }));

Deno.test({
  name: "a link leads out of the permissions if its target may not be read",
  permissions: { read: [folder] },
  fn() {
    assertEquals(unpermittedTarget(join(folder, "out.csv")), join(elsewhere, "a.csv"));
    assertEquals(unpermittedTarget(join(folder, "outside", "a.csv")), join(elsewhere, "a.csv"));
    for (const name of ["a.csv", "inside.csv", "nowhere.csv", "none.csv"]) {
      assertEquals(unpermittedTarget(join(folder, name)), undefined);
    }
  },
});

Deno.test({
  name: "a link is followed if its target may be read as well",
  permissions: { read: [folder, elsewhere] },
  fn: () => assertEquals(unpermittedTarget(join(folder, "out.csv")), undefined),
});
