import { assertEquals } from "@std/assert";
import { deno, flags, root } from "../../support/command_line.ts";
import { forNative } from "../../support/engines.ts";

/** Computes with an addon that makes a context of its own, as that of tfjs-node's installer does. */
const program = `
import * as tf from "@tensorflow/tfjs";
import { CapturedFunction } from "${root}src/engine/capture/capture.ts";
import { loadNative, NATIVE_BACKEND } from "${root}src/engine/load_native.ts";
import { setUpNative } from "${root}src/engine/native/set_up.ts";

const build = await setUpNative({ report() {} });
await loadNative({ ...build, takesContext: false });
await tf.setBackend(NATIVE_BACKEND);
const reports = [];
const captured = new CapturedFunction(({ x }) => ({ y: tf.relu(x) }), { report: (one) => reports.push(one) });
const results = [-1, 2].map((value) => captured.call({ x: tf.scalar(value) }).y.dataSync()[0]);
console.log(JSON.stringify({ results, reports }));
`;

forNative(
  "a function runs op by op, with one report, on an addon of tfjs-node's installer",
  async () => {
    const { code, stdout, stderr } = await deno(
      ["eval", "--ext=ts", "--no-check", ...flags, program],
      { env: { TF_CPP_MIN_LOG_LEVEL: "3" } },
    );
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout), {
      results: [0, 2],
      reports: [{
        captured: false,
        reason:
          "this TensorFlow was set up by tfjs-node's own installer, which cannot run captured graphs",
      }],
    });
  },
);
