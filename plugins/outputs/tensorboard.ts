import { join } from "node:path";
import {
  appendBytes,
  defineOutput,
  type JobName,
  type Metrics,
  type OutputStage,
  writeFileWhole,
  z,
} from "../../plugin.ts";
import { type ReadRecord, readRecords, scalarRecord, versionRecord } from "./event_file.ts";

/**
 * Writes event files for TensorBoard to `tensorboard/` in the run folder. TensorBoard draws one
 * chart per tag, such as `accuracy`, with one line per folder:
 *
 * - `light-test`, `booster-validation`, …: the metrics of a net on a split
 * - `test`, `validation`: metrics without a net
 * - `train`: the means of the losses and of the gradient norm over an epoch, and the learning rate
 * - `steps`: learning rate, loss, and gradient norm of single steps
 *
 * The baseline has folders of its own: `light-alone-test`, `light-alone-train`,
 * `light-alone-steps`. When a run is resumed, the events that will occur again are removed.
 */
const stage: OutputStage = defineOutput({
  name: "tensorboard",
  summary: "Writes event files for TensorBoard to the run folder.",
  options: z.object({
    everySteps: z.int().positive().default(10).describe(
      "The number of steps between two events that contain the learning rate, the loss, and the gradient norm.",
    ),
  }),
  example: "use: tensorboard\neverySteps: 50",
  create: ({ everySteps }, { folder }) => {
    const files = new EventFiles(join(folder, "tensorboard"));
    return {
      async runStart({ job, resumed = { epochs: 0, step: 0 } }) {
        await files.keep(job, resumed);
      },
      async step({ job, step, learningRate, loss, gradientNorm }) {
        if (step % everySteps !== 0) return;
        const scalars = { "learning-rate": learningRate, loss, "gradient-norm": gradientNorm };
        await files.append(job, STEPS, step, scalars);
      },
      async evaluation({ job, epoch, step, split, metrics }) {
        for (const [name, scalars] of byFolder(job, split, metrics)) {
          await files.append(job, name, step, { ...scalars, [EPOCH]: epoch });
        }
      },
    };
  },
});
export default stage;

/** The folder with events of single steps. */
const STEPS = "steps";

/** The tag with the number of epochs done, which events of evaluations have. */
const EPOCH = "epoch";

/** The start of the names of the baseline's folders. */
const ALONE = "light-alone-";

/** Distributes metrics to folders: `light/accuracy` is `accuracy` in the folder `light-test`. */
function byFolder(job: JobName, split: string, metrics: Metrics): Map<string, Metrics> {
  const folders = new Map<string, Record<string, number>>();
  for (const [key, value] of Object.entries(metrics)) {
    if (typeof value !== "number") continue;
    const [, net, ofNet] = /^(light|booster)\/(.+)$/.exec(key) ?? [];
    // The baseline consists of one net, which the names of its folders contain already.
    const name = net === undefined || job === "light-alone" ? split : `${net}-${split}`;
    const scalars = folders.get(name) ?? {};
    scalars[ofNet ?? key] = value;
    folders.set(name, scalars);
  }
  return folders as Map<string, Metrics>;
}

/** The event files of a run. */
class EventFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** Adds an event to the file of a folder. */
  async append(job: JobName, name: string, step: number, scalars: Metrics): Promise<void> {
    const folder = join(this.#root, job === "light-alone" ? `${ALONE}${name}` : name);
    const wallTime = Date.now() / 1000;
    const event = scalarRecord({ wallTime, step, scalars: scalars as Record<string, number> });
    await Deno.mkdir(folder, { recursive: true });
    await appendBytes(
      fileIn(folder),
      (isEmpty) => isEmpty ? joined(versionRecord(wallTime), event) : event,
    );
  }

  /**
   * Keeps the events of a job up to a checkpoint. A run that was killed may have left more, or an
   * incomplete one.
   */
  async keep(job: JobName, { epochs, step }: { epochs: number; step: number }): Promise<void> {
    const isKept = ({ step: own, scalars }: ReadRecord) => {
      const epoch = scalars.get(EPOCH);
      // A checkpoint may come after the last step of an epoch, but before its evaluations.
      return epoch === undefined ? own <= step : epoch <= epochs;
    };
    for (const name of await foldersIn(this.#root)) {
      if (name.startsWith(ALONE) !== (job === "light-alone")) continue;
      const path = fileIn(join(this.#root, name));
      const old = await readRegular(path);
      if (!old) continue;
      const kept = readRecords(old).filter(isKept).map(({ bytes }) => bytes);
      const bytes = new Uint8Array(await new Blob(kept).arrayBuffer());
      if (bytes.length !== old.length) await writeFileWhole(path, bytes);
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The name has `tfevents` in it, by which TensorBoard finds event files. */
const fileIn = (folder: string) => join(folder, "events.out.tfevents.rocket");

async function foldersIn(root: string): Promise<string[]> {
  try {
    const entries = await Array.fromAsync(Deno.readDir(root));
    return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Reads a regular file; undefined if there is none. Reading a pipe would block. */
async function readRegular(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return (await Deno.stat(path)).isFile ? await Deno.readFile(path) : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
