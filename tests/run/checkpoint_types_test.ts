import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/base/errors.ts";
import { openEngine } from "../../src/engine/engine.ts";
import { restoreValues } from "../../src/run/state_file.ts";
import { inFolder } from "../support/command_line.ts";

/** A checkpoint with one tensor of zeros. */
function checkpoint(dtype: string, bytes: number): Uint8Array {
  const header = new TextEncoder().encode(JSON.stringify({
    __metadata__: { step: "3" },
    "light/kernel": { dtype, shape: [2], data_offsets: [0, bytes] },
  }));
  const file = new Uint8Array(8 + header.length + bytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
  file.set(header, 8);
  return file;
}

Deno.test("a checkpoint with tensors of a type that no run writes is refused with its name", async () => {
  await openEngine("wasm");
  await inFolder(async (folder) => {
    const path = join(folder, "c.safetensors");
    const about = { owner: "light", trainable: true, table: false } as const;
    const initializer = { kind: "constant", value: 0 } as const;
    const variable = { ...about, name: "light/kernel", shape: [2], initializer };
    for (const [dtype, bytes] of [["F64", 16], ["F16", 4], ["I64", 16], ["I32", 8]] as const) {
      await Deno.writeFile(path, checkpoint(dtype, bytes));
      const error = await assertRejects(() => restoreValues([variable], path, 3), UserError);
      assertEquals(
        error.message,
        `the tensor light/kernel in ${path} is of type ${dtype}; a run writes F32`,
      );
      assertEquals(error.exitCode, 2);
    }
    await Deno.writeFile(path, checkpoint("F32", 12));
    await assertRejects(
      () => restoreValues([variable], path, 3),
      UserError,
      `the weights in ${path} cannot be read: the tensor light/kernel`,
    );
    await Deno.writeFile(path, checkpoint("F32", 8));
    const { "light/kernel": kernel } = await restoreValues([variable], path, 3);
    assertEquals([...kernel!.dataSync()], [0, 0]);
    kernel!.dispose();
  });
});
