import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { openEngine } from "../../src/engine/engine.ts";
import { UserError } from "../../src/base/errors.ts";
import { canOpen, testOnEachEngine } from "./each_engine.ts";
import { withEnvironment, withFolder } from "./native/support.ts";

/** Makes a folder pass for TensorFlow's C library as far as looking at names goes. */
async function pretendLibrary(folder: string): Promise<void> {
  const names = { linux: "libtensorflow.so.2", darwin: "libtensorflow.2.dylib" };
  const library = names[Deno.build.os as keyof typeof names] ?? "tensorflow.dll";
  for (const path of [`lib/${library}`, "include/tensorflow/c/eager/c_api.h"]) {
    await Deno.mkdir(dirname(join(folder, path)), { recursive: true });
    await Deno.writeTextFile(join(folder, path), "");
  }
}

// The first test of the file: nothing else has been loaded yet.
Deno.test("openEngine() loads no part of tfjs-node for wasm", async () => {
  const engine = await openEngine("wasm", (line) => assert(false, line));
  assertEquals([engine.name, engine.backend, tf.getBackend()], ["wasm", "wasm", "wasm"]);
  assertStringIncludes(engine.detail, tf.version_core);
  const loaded = Object.keys(createRequire(process.execPath).cache);
  assertEquals(loaded.filter((file) => file.includes("tfjs-node")), []);
});

Deno.test("openEngine() uses wasm if there is no compiler, and reports that in one line", async () => {
  await withFolder(async (folder) => {
    await pretendLibrary(folder);
    const nothing = join(folder, "nothing");
    await withEnvironment({
      PATH: nothing,
      CXX: undefined,
      ROCKET_CACHE: join(folder, "cache"),
      ROCKET_TENSORFLOW: folder,
    }, async () => {
      const lines: string[] = [];
      const engine = await openEngine("auto", (line) => void lines.push(line));
      assertEquals(engine.name, "wasm");
      assertEquals(tf.tidy(() => tf.ones([3]).sum().dataSync()[0]), 3);
      assertEquals(lines.length, 1);
      assert(!lines[0]?.includes("\n"));
      const reason = Deno.build.os === "windows" ? "not found" : "found no C++ compiler";
      assertStringIncludes(lines[0] ?? "", reason);
      assertStringIncludes(lines[0] ?? "", "to use the native engine: ");
    });
  });
});

Deno.test("openEngine() throws a UserError if native was requested but is not available", async () => {
  await withFolder(async (folder) => {
    const nowhere = join(folder, "nowhere");
    await withEnvironment(
      { ROCKET_CACHE: join(folder, "cache"), ROCKET_TENSORFLOW: nowhere },
      async () => {
        const error = await assertRejects(() => openEngine("native", () => {}), UserError, nowhere);
        assert(error.problems[0]?.hint);
      },
    );
  });
});

testOnEachEngine("openEngine() computes a matrix product and its gradient", () => {
  tf.tidy(() => {
    const a = tf.tensor2d([[1, 2], [3, 4]]), b = tf.tensor2d([[5, 6], [7, 8]]);
    assertEquals([...a.matMul<tf.Tensor2D>(b).dataSync()], [19, 22, 43, 50]);
    // d(sum(ab))/da is the row sums of b, in every row.
    const gradient = tf.grad((x) => tf.matMul(x, b).sum())(a);
    assertEquals([...gradient.dataSync()], [11, 15, 11, 15]);
  });
});

testOnEachEngine("openEngine() counts tensors, and tidy leaves none", () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    tf.conv2d(tf.ones([1, 8, 8, 3]) as tf.Tensor4D, tf.ones([3, 3, 3, 4]), 1, "same");
    assert(tf.memory().numTensors > before);
  });
  assertEquals(tf.memory().numTensors, before);
});

Deno.test("openEngine() switches between engines, and tensors remain usable", async () => {
  if (!await canOpen("native")) return;
  const engine = await openEngine("native");
  assertEquals([engine.backend, tf.getBackend()], ["tensorflow", "tensorflow"]);
  assert(/^TensorFlow 2\.\d+/.test(engine.detail));
  const weight = tf.variable(tf.tensor1d([1, 2, 3]));
  await openEngine("wasm");
  weight.assign(tf.tidy(() => weight.mul(2)));
  assertEquals([...weight.dataSync()], [2, 4, 6]);
  await openEngine("native");
  assertEquals(tf.tidy(() => weight.sum().dataSync()[0]), 12);
  weight.dispose();
});

Deno.test("openEngine() lowers TensorFlow's log level unless the user has set it", async () => {
  if (!await canOpen("native")) return;
  assert(Deno.env.get("TF_CPP_MIN_LOG_LEVEL") !== undefined);
  await withEnvironment({ TF_CPP_MIN_LOG_LEVEL: "0" }, async () => {
    await openEngine("native");
    assertEquals(Deno.env.get("TF_CPP_MIN_LOG_LEVEL"), "0");
  });
});
