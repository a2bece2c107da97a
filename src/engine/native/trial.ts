import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { runCommand } from "./command.ts";

/** Multiplies two matrices using only the addon, so that the test depends on nothing else. */
const PROGRAM = `
import { createRequire } from "node:module";
const tf = createRequire(Deno.args[0])(Deno.args[0]);
const matrix = (values) => tf.createTensor([2, 2], tf.TF_FLOAT, new Float32Array(values));
const product = tf.executeOp("MatMul", [
  { name: "transpose_a", type: tf.TF_ATTR_BOOL, value: false },
  { name: "transpose_b", type: tf.TF_ATTR_BOOL, value: false },
  { name: "T", type: tf.TF_ATTR_TYPE, value: tf.TF_FLOAT },
], [matrix([1, 2, 3, 4]), matrix([5, 6, 7, 8])], 1)[0];
if (String(tf.tensorDataSync(product.id)) !== "19,22,43,50") throw new Error("the product of two matrices is wrong");
console.log("TensorFlow " + tf.TF_Version);
`;

/**
 * Loads an addon and computes with it in a separate process, because an addon built for another
 * machine can crash its process.
 *
 * @param addon The addon's absolute path.
 * @returns TensorFlow's version.
 * @throws {UserError} If the addon cannot be loaded or does not compute correctly.
 */
export async function tryAddon(addon: string): Promise<string> {
  const { output, signal } = await runCommand(
    [Deno.execPath(), "eval", "--no-config", "--no-lock", "--ext=js", PROGRAM, addon],
    // The test takes seconds. If it takes minutes, it hangs.
    { env: { TF_CPP_MIN_LOG_LEVEL: "3", NO_COLOR: "1" }, abort: AbortSignal.timeout(180_000) },
  );
  const version = /^TensorFlow (\S+)$/m.exec(output)?.[1];
  if (version !== undefined) return version;
  const error = output.split("\n").find((line) => /error/i.test(line));
  throw new UserError(
    `the native engine's addon was built but does not work on this machine: ${
      error ?? signal ?? "it ends without a message"
    }`,
    {
      hint: hint(
        "native/trial",
        "set ROCKET_TENSORFLOW to a folder with a TensorFlow C library made for this machine",
        { edit: "the variable ROCKET_TENSORFLOW" },
      ),
    },
  );
}
