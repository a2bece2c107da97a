import { assertEquals, assertRejects } from "@std/assert";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { externalFiles, hashesOfOnnxFiles } from "../../src/run/onnx_files.ts";
import { inFolder } from "../support/command_line.ts";

/** A message of protobuf: pairs of a field and what it contains. */
type Message = readonly (readonly [field: number, value: Message | string | number])[];

function encoded(message: Message): Uint8Array {
  const to = new BinaryWriter();
  for (const [field, value] of message) {
    if (typeof value === "number") to.tag(field, WireType.Varint).int64(value);
    else if (typeof value === "string") to.tag(field, WireType.LengthDelimited).string(value);
    else to.tag(field, WireType.LengthDelimited).bytes(encoded(value));
  }
  return to.finish();
}

/** A tensor whose values are in a file. */
const tensor = (file: string): Message => [
  [1, 2],
  [2, 1],
  [8, "w"],
  [13, [[1, "location"], [2, file]]],
  [13, [[1, "offset"], [2, "0"]]],
  [14, 1],
];

const attribute = (...fields: Message): Message => [[1, "value"], ...fields];

/** A model with weights at each place at which the format allows tensors. */
const everywhere: Message = [
  [1, 8],
  [2, "maker"],
  [7, [
    [5, tensor("m.onnx_data")],
    [15, [[1, tensor("values.bin")], [2, tensor("indices.bin")]]],
    [1, [[4, "Constant"], [5, attribute([5, tensor("constant.bin")])]]],
    [1, [[4, "If"], [5, attribute([6, [[5, tensor("weights/branch.bin")]]])]]],
    [1, [[4, "Many"], [5, attribute([10, tensor("one")], [10, tensor("two")])]]],
    [1, [[4, "Nest"], [5, attribute([11, [[1, [[5, attribute([5, tensor("deep")])]]]]])]]],
    [1, [[5, attribute([22, [[1, tensor("sparse")]]], [23, [[2, tensor("sparser")]]])]]],
    [8, "about: location"],
  ]],
  [14, [[1, "location"], [2, "not a file"]]],
  [20, [[1, [[5, tensor("first")]]], [2, [[5, tensor("step")]]]]],
  [25, [[7, [[5, attribute([5, tensor("body")])]]], [11, attribute([5, tensor("default")])]]],
];

Deno.test("all files with weights are found in an ONNX file, and hashed", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.onnx");
    await Deno.writeFile(path, encoded(everywhere));
    const names = (await externalFiles(path)).sort();
    assertEquals(names, [
      ...["body", "constant.bin", "deep", "default", "first", "indices.bin", "m.onnx_data", "one"],
      ...["sparse", "sparser", "step", "two", "values.bin", "weights/branch.bin"],
    ]);
    await assertRejects(() => hashesOfOnnxFiles(path), Error, "its weights in body cannot be read");
    await Deno.mkdir(join(folder, "weights"));
    for (const name of names) await Deno.writeTextFile(join(folder, name), "0");
    const before = await hashesOfOnnxFiles(path);
    for (const name of names) {
      await Deno.writeTextFile(join(folder, name), "1");
      const now = await hashesOfOnnxFiles(path);
      assertEquals(now.filter((part, at) => part !== before[at]).length, 1, name);
      await Deno.writeTextFile(join(folder, name), "0");
    }
    assertEquals(await hashesOfOnnxFiles(path), before);
  });
});

Deno.test("an ONNX file without external data has no other files", async () => {
  const path = fileURLToPath(new URL("../reference/teacher.onnx", import.meta.url));
  assertEquals(await externalFiles(path), []);
  assertEquals((await hashesOfOnnxFiles(path)).length, 1);
});

Deno.test("what is not an ONNX file is refused", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.onnx"), whole = encoded(everywhere);
    // A length beyond the end, a number without an end, a group, and a tag of more than 32 bits.
    const bad = [[0x3a, 0x7f], [0x08, ...Array(11).fill(0xff)], [0x3b], [
      ...[0xba, 0x80, 0x80, 0x80, 0x80, 0x01],
      0x00,
    ]].map((bytes) => Uint8Array.from(bytes));
    for (const bytes of [whole.subarray(0, -1), new TextEncoder().encode("no model"), ...bad]) {
      await Deno.writeFile(path, bytes);
      await assertRejects(() => externalFiles(path), Error, "it is not an ONNX file");
    }
  });
});

Deno.test("files with weights are read under the names by which ONNX Runtime opens them", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "m.onnx"),
      model = (name: string) => encoded([[7, [[5, tensor(name)]]]]);
    for (const [name, text] of [["w.bin", "a"], ["\uFEFFw.bin", "b"]]) {
      await Deno.writeTextFile(join(folder, name!), text!);
    }
    const hashOf = async (name: string) => {
      await Deno.writeFile(path, model(name));
      return (await hashesOfOnnxFiles(path))[2];
    };
    // SHA-256 of "a" and of "b".
    assertEquals(
      [await hashOf("w.bin"), await hashOf("\uFEFFw.bin")].map((hash) => hash!.slice(0, 8)),
      ["ca978112", "3e23e816"],
    );
    // ONNX Runtime would go through a link before `..`.
    for (const name of ["a/../w.bin", "../w.bin", join(folder, "w.bin"), "*/_ORT_MEM_ADDR_/*"]) {
      await assertRejects(() => hashOf(name), Error, "must be relative to the folder of the model");
    }
  });
});
