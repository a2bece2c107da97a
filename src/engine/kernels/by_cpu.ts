import * as tf from "@tensorflow/tfjs";
import { plainBackend } from "../cpu.ts";

/**
 * Returns a kernel that copies its inputs to tfjs's plain JavaScript backend and its output back.
 * It is slow and intended for rarely used operations.
 *
 * @param kernelName The kernel's name on that backend; it has one output.
 * @returns The kernel for any other backend.
 */
export function byCpu(kernelName: string): tf.KernelFunc {
  return ({ inputs, attrs, backend }) => {
    const own = backend as tf.KernelBackend;
    const engine = tf.engine();
    const cpu = plainBackend();
    const copies = Object.entries(inputs as Record<string, tf.TensorInfo>).map(([name, input]) => {
      const { dataId, shape, dtype } = input;
      const copy = cpu.write(own.readSync(dataId) as tf.TypedArray, shape, dtype);
      return [name, engine.makeTensorFromTensorInfo({ dataId: copy, shape, dtype }, cpu)] as const;
    });
    const result = tf.getKernel(kernelName, "cpu").kernelFunc({
      inputs: Object.fromEntries(copies),
      backend: cpu,
      ...(attrs ? { attrs } : {}),
    }) as tf.TensorInfo;
    const { shape, dtype } = result;
    const dataId = own.write(cpu.readSync(result.dataId) as tf.TypedArray, shape, dtype);
    cpu.disposeData(result.dataId);
    for (const [, copy] of copies) copy.dispose();
    return { dataId, shape, dtype };
  };
}
