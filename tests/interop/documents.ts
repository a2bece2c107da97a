/**
 * The Python programs of docs/checkpoints.md, docs/serving.md, and docs/from_other_tools.md, with
 * the packages that they import, and the notebook of docs/notebooks.md in Jupyter.
 *
 * @module
 */

import { join } from "node:path";
import { denoFolder } from "../../src/base/machine/deno_folder.ts";
import { openModel } from "../../src/model/load_model.ts";
import { ServeHandler } from "../../src/serve/handler.ts";
import { defaultLimits } from "../../src/serve/limits.ts";
import { startServer } from "../../src/serve/server.ts";
import { blocks } from "../docs/documents.ts";
import { root } from "../support/command_line.ts";
import type { Comparison, Trained } from "./comparisons.ts";
import { finished, type Programs } from "./programs.ts";

/** Few random images in place of the data set, which Keras would download. */
const mnist = `
import keras, numpy
random = numpy.random.default_rng(1)
x, y = random.integers(0, 256, (640, 28, 28), "uint8"), random.integers(0, 10, 640, "uint8")
keras.datasets.mnist.load_data = lambda: ((x, y), (x, y))
`;

/** The first rows on which the net was trained. */
const rows = `
import pyarrow
with pyarrow.OSFile("clicks.arrow") as file:
    table = pyarrow.ipc.open_file(file).read_all().slice(0, 5)
`;

/** Runs a notebook with Deno's kernel, as Jupyter does, and prints what its cells print. */
const jupyter = `
import nbclient, nbformat
notebook = nbformat.read("notebook.ipynb", 4)
nbclient.NotebookClient(notebook, timeout=300).execute()
for cell in notebook.cells:
    for output in cell.get("outputs", []): print(output["text"], end="")
`;

/**
 * Returns the comparisons: each runs a program of a document, and checks what it leaves.
 *
 * @param folder The folder with the exports of all subjects.
 * @param subjects The trained subjects.
 * @param programs The other programs.
 */
export function documentComparisons(
  folder: string,
  subjects: readonly Trained[],
  programs: Programs,
): Comparison[] {
  const run = (document: string, cwd: string, { before = "", after = "", port = 8000 } = {}) => {
    const { text } = blocks.find(({ path, language, info }) =>
      path === document && language === "python" && info === "run-by: tests/interop/documents.ts"
    )!;
    const program = [before, text.replaceAll(":8000", `:${port}`), after].join("\n");
    const env = { TF_CPP_MIN_LOG_LEVEL: "3", HOME: folder };
    return finished(programs.python!, ["-c", program], { cwd, env });
  };
  const outOf = (name: string) => subjects.find((subject) => subject.name === name)!.out;
  const add = (document: string, run: () => Promise<string>): Comparison => ({
    name: `${document} in Python`,
    needs: ["python"],
    run,
  });
  return [
    add("docs/checkpoints.md", async () => {
      const printed = await run("docs/checkpoints.md", outOf("mlp"), {
        after: "print(kernel.shape)",
      });
      const [, shape] = /^\d+ .*'light\/head\/kernel'.*\n(\(\d+, 10\))\n$/.exec(printed) ?? [];
      if (shape === undefined) throw new Error(printed);
      return `a kernel of ${shape}`;
    }),
    add("docs/serving.md", async () => {
      const opened = await openModel(join(folder, "ctr-light-columns-onnx"), {});
      await using _ = opened.loaded;
      const handler = new ServeHandler({ name: "clicks", ...opened }, (error) => {
        throw error;
      });
      const port = Promise.withResolvers<number>();
      const server = startServer(handler, {
        ...{ hostname: "127.0.0.1", port: 0, limits: defaultLimits },
        onListen: port.resolve,
        onWarning() {},
      });
      try {
        const printed = await run("docs/serving.md", folder, {
          before: rows,
          after: "print(scores.num_rows, scores.column_names)",
          port: await port.promise,
        });
        const expected = "5 ['user', 'item', 'score']\n";
        if (printed !== expected) throw new Error(`${printed}instead of ${expected}`);
        return printed.trim();
      } finally {
        server.stop();
        await server.finished;
      }
    }),
    add("docs/from_other_tools.md", async () => {
      const printed = await run("docs/from_other_tools.md", folder, {
        before: mnist,
        after: "print(student.predict(x[:3], verbose=0).shape)",
      });
      if (!printed.endsWith("\n(3, 10)\n")) throw new Error(printed.slice(-500));
      return "a student with 10 outputs";
    }),
    {
      name: "docs/notebooks.md in Jupyter",
      needs: ["python"],
      async run() {
        const env = { HOME: folder, DENO_DIR: denoFolder() };
        await finished(Deno.execPath(), ["jupyter", "--install"], { env });
        const cwd = join(root, "examples");
        const printed = await finished(programs.python!, ["-c", jupyter], { cwd, env });
        if (!/ "rocket" [^]* "light-alone" [^]*\n0\.\d+ 0\.\d+\n$/.test(printed)) {
          throw new Error(printed.slice(-500));
        }
        return "a run and its result";
      },
    },
  ];
}
