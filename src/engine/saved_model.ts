import { type Binding, nativeBackend, type TensorMetadata } from "./capture/recorder.ts";
import { isNative } from "./ops/native_op.ts";

/** The functions of tfjs-node's native library for SavedModels. */
interface SavedModels {
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(session: number): void;
  runSavedModel(
    session: number,
    inputs: number[],
    feeds: string,
    fetches: string,
  ): TensorMetadata[];
}

/** Checks whether the current engine can run a SavedModel. */
export function canRunSavedModel(): boolean {
  return isNative();
}

/**
 * Runs a SavedModel whose inputs have default values, and returns one output. The current engine
 * must be native.
 *
 * @param folder The folder of the SavedModel.
 * @param output The name of the node whose first output to compute, which has the type float32.
 */
export function runSavedModel(folder: string, output: string): Float32Array {
  const binding = nativeBackend().binding as Binding & SavedModels;
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
