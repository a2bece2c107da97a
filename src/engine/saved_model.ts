import { nativeBackend } from "./capture/recorder.ts";
import { isNative } from "./ops/native_op.ts";

/** Whether the current engine can compute a SavedModel. */
export function canRunSavedModel(): boolean {
  return isNative();
}

/**
 * Computes an output of a SavedModel that needs no inputs. The native engine must be the current
 * one.
 *
 * @param folder The folder of the SavedModel.
 * @param output The name of the node whose first output is computed, of float32.
 */
export function runSavedModel(folder: string, output: string): Float32Array {
  const { binding } = nativeBackend();
  const session = binding.loadSavedModel(folder, "serve");
  try {
    const [result] = binding.runSavedModel(session, [], "", `${output}:0`);
    try {
      return binding.tensorDataSync(result!.id) as Float32Array;
    } finally {
      binding.deleteTensor(result!.id);
    }
  } finally {
    binding.deleteSavedModel(session);
  }
}
