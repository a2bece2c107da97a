import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors } from "../../../src/base/files/safetensors.ts";
import {
  safetensorsChunks,
  SafetensorsFile,
  type StreamedTensor,
} from "../../../src/base/files/safetensors_stream.ts";
import { isDraft } from "../../../src/base/files/drafts.ts";
import { writeChunks } from "../../../src/base/files/write_chunks.ts";
import { inFolder } from "../../support/command_line.ts";

/** Makes a tensor with parts of a given size. */
function streamed(
  values: Float32Array | Int32Array,
  shape: readonly number[],
  size: number,
): StreamedTensor {
  return {
    dtype: values instanceof Int32Array ? "I32" : "F32",
    shape,
    async *parts() {
      for (let start = 0; start < values.length; start += size) {
        yield await Promise.resolve(values.subarray(start, start + size));
      }
    },
  };
}

const floats = Float32Array.from({ length: 12 }, (_, index) => index / 3);
const integers = Int32Array.of(-7, 2 ** 31 - 1);

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: number[] = [];
  for await (const chunk of chunks) all.push(...chunk);
  return Uint8Array.from(all);
}

Deno.test("safetensorsChunks() writes the same bytes as encodeSafetensors()", async () => {
  const metadata = { step: "7" };
  const expected = encodeSafetensors(
    new Map([
      ["a", { shape: [3, 4], values: floats }],
      ["b", { shape: [2], values: integers }],
      ["empty", { shape: [0], values: new Float32Array() }],
    ]),
    metadata,
  );
  for (const size of [1, 5, 100]) {
    const tensors = new Map([
      ["a", streamed(floats, [3, 4], size)],
      ["b", streamed(integers, [2], size)],
      ["empty", streamed(new Float32Array(), [0], size)],
    ]);
    assertEquals(await bytesOf(safetensorsChunks(tensors, metadata)), expected);
  }
});

Deno.test("safetensorsChunks() rejects a tensor whose number of values does not match its shape", async () => {
  for (const length of [11, 13]) {
    const tensors = new Map([["a", streamed(new Float32Array(length), [3, 4], 4)]]);
    await assertRejects(
      () => bytesOf(safetensorsChunks(tensors, {})),
      TypeError,
      "but its shape [3,4] needs 12",
    );
  }
});

Deno.test("SafetensorsFile reads tensors in parts, in any order", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.safetensors");
    const tensors = new Map([
      ["a", streamed(floats, [3, 4], 5)],
      ["b", streamed(integers, [2], 5)],
    ]);
    await writeChunks(path, safetensorsChunks(tensors, {}));
    assertEquals(decodeSafetensors(await Deno.readFile(path)).tensors.get("b")!.values, integers);
    const file = await SafetensorsFile.open(path);
    try {
      for (const [name, values] of [["b", integers], ["a", floats], ["b", integers]] as const) {
        for (const most of [1, 5, 100]) {
          const parts = await Array.fromAsync(file.parts(name, most));
          assert(parts.every(({ length }) => length <= most));
          assertEquals(parts.flatMap((part) => [...part]), [...values]);
        }
      }
    } finally {
      file.close();
    }
  });
});

Deno.test("SafetensorsFile rejects other files, and truncated ones", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.safetensors");
    const whole = encodeSafetensors(new Map([["a", { shape: [3, 4], values: floats }]]));
    for (const length of [0, 7, 8, 40, whole.length - 1]) {
      await Deno.writeFile(path, whole.subarray(0, length));
      const read = async () => {
        const file = await SafetensorsFile.open(path);
        try {
          await Array.fromAsync(file.parts("a", 100));
        } finally {
          file.close();
        }
      };
      await assertRejects(read, TypeError);
    }
  });
});

Deno.test("writeChunks() leaves no file behind if producing the chunks fails", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "a.bin");
    await Deno.writeFile(path, Uint8Array.of(1));
    const failing = async function* () {
      yield await Promise.resolve(new Uint8Array(1000));
      const [draft] = [...Deno.readDirSync(folder)].filter(({ name }) => name !== "a.bin");
      assert(isDraft(draft!.name), draft!.name);
      throw new Error("no more");
    };
    await assertRejects(() => writeChunks(path, failing()), Error, "no more");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["a.bin"]);
    assertEquals(await Deno.readFile(path), Uint8Array.of(1));
    assert(!isDraft("a.bin") && !isDraft(".gitignore"));
  });
});
