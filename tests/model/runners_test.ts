import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { ElementType, encodeModel, type NodeMessage } from "../../src/model/onnx/messages.ts";
import { deno, flags, inFolder, root } from "../support/command_line.ts";

const { float, int64, string } = ElementType;

/** An ONNX model as someone else may send it, with a name that controls a terminal. */
function sentModel(node: Pick<NodeMessage, "op" | "inputs" | "attributes">, type: ElementType) {
  const shape = new Uint8Array(BigInt64Array.of(7n).buffer);
  const node0 = { ...node, name: "a\u001b]0;gone\u0007", outputs: ["logits"] };
  return encodeModel({
    ...{ producer: { name: "", version: "" }, operators: { "": 18 }, metadata: {}, name: "g" },
    nodes: [node0],
    tensors: [{ name: "shape", type: int64, shape: [1], data: shape }],
    inputs: [{ name: "x", type: float, shape: ["rows"] }],
    outputs: [{ name: "logits", type, shape: ["rows"] }],
  });
}

const models = {
  fails: sentModel({ op: "Reshape", inputs: ["x", "shape"], attributes: {} }, float),
  texts: sentModel({ op: "Cast", inputs: ["x"], attributes: { to: { int: string } } }, string),
};

/** Loads the models in this thread and in a thread of their own, and computes them. */
const program = `
import { logitsOf, openSession } from ${JSON.stringify(join(root, "src/model/runners.ts"))};
import { printable } from ${JSON.stringify(join(root, "src/base/printable.ts"))};
for (const manyRows of [false, true]) {
  for (const name of ["fails", "texts"]) {
    const { runtime, session } = await openSession(name + ".onnx", { manyRows });
    const x = new runtime.Tensor("float32", Float32Array.of(1, 2), [2]);
    const error = await logitsOf(session, { x }).catch((error) => error);
    console.log(error.name, printable(error.message));
    await session.release();
  }
}
`;

Deno.test("logitsOf() refuses nets that cannot be computed, and prints none of their names", async () => {
  await inFolder(async (folder) => {
    for (const [name, bytes] of Object.entries(models)) {
      await Deno.writeFile(join(folder, `${name}.onnx`), bytes);
    }
    await Deno.writeTextFile(join(folder, "main.ts"), program);
    const { stdout, stderr } = await deno(["run", "-A", ...flags, "main.ts"], { cwd: folder });
    assert(!/[^\P{C}\n]/u.test(stdout + stderr), JSON.stringify(stdout + stderr));
    const lines = stdout.trimEnd().split("\n");
    assertEquals(lines.length, 4, stdout + stderr);
    for (const [index, line] of lines.entries()) {
      assertStringIncludes(line, "UserError ONNX Runtime cannot compute the net: ");
      assertStringIncludes(line, ["Reshape", "not float32 numbers"][index % 2]!);
    }
  });
});
