// Sends the parameters, metrics, and final state of a run to an MLflow server. Copy this file
// beside a pipeline, and add to the pipeline:
//
//   outputs: [{ use: ./mlflow.ts, server: "http://127.0.0.1:5000", experiment: clicks }]

import { defineOutput, type OutputStage, z } from "@rocket-launching/rocket/plugin";

const stage: OutputStage = defineOutput({
  name: "mlflow",
  summary: "Sends parameters and metrics to an MLflow server.",
  options: z.object({
    server: z.url().describe("The address of the MLflow tracking server."),
    experiment: z.string().regex(/^[^'\\]+$/).default("Default").describe(
      "The name of the MLflow experiment.",
    ),
  }),
  create: ({ server, experiment }, { folder }) => {
    // The MLflow run of each job, and its last step that was sent: resumed runs repeat steps.
    const file = `${folder}/mlflow.json`, kept: Record<string, { id: string; step: number }> = {};
    let job = "", step = 0, metrics: object[] = [];

    async function post(path: string, body: object) {
      const response = await fetch(new URL(`/api/2.0/mlflow/${path}`, server), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = await response.json().catch(() => ({}));
      if (response.ok) return answer;
      throw new Error(`${path}: MLflow answered ${response.status} ${answer.message ?? ""}`);
    }

    async function send() {
      const run = kept[job];
      if (run === undefined) return;
      for (; metrics.length > 0; metrics = metrics.slice(1000)) {
        await post("runs/log-batch", { run_id: run.id, metrics: metrics.slice(0, 1000) });
      }
      run.step = Math.max(run.step, step);
      await Deno.writeTextFile(file, JSON.stringify(kept));
    }

    async function end(status: "FINISHED" | "FAILED") {
      await send();
      const done = { status, end_time: Date.now() };
      for (const { id } of Object.values(kept)) await post("runs/update", { run_id: id, ...done });
    }
    return {
      async runStart({ name, seed, engine, precision, parameters, rows, ...start }) {
        await send();
        [job, step] = [start.job, 0];
        Object.assign(kept, await Deno.readTextFile(file).then(JSON.parse, () => ({})));
        const again = kept[job];
        if (again) return void await post("runs/update", { run_id: again.id, status: "RUNNING" });
        const wanted = { filter: `name = '${experiment}'`, max_results: 1 };
        const { experiments } = await post("experiments/search", wanted);
        const { experiment_id } = experiments?.[0] ??
          await post("experiments/create", { name: experiment });
        const parent = kept.rocket && { "mlflow.parentRunId": kept.rocket.id };
        const tags = pairs({
          "mlflow.runName": `${name} ${job}`,
          engine,
          precision,
          job,
          ...parent,
        });
        const { run } = await post("runs/create", { experiment_id, start_time: Date.now(), tags });
        kept[job] = { id: run.info.run_id, step: 0 };
        const { pipeline } = JSON.parse(await Deno.readTextFile(`${folder}/pipeline.json`));
        let params = pairs(flat({ ...pipeline, seed, parameters, rows }));
        for (; params.length > 0; params = params.slice(100)) {
          await post("runs/log-batch", { run_id: kept[job]!.id, params: params.slice(0, 100) });
        }
      },
      evaluation({ split, metrics: measured, ...at }) {
        if (at.step <= kept[job]!.step) return;
        step = at.step;
        for (const [name, value] of Object.entries(measured)) {
          const key = keyOf(`${split}/${name}`), timestamp = Date.now();
          if (typeof value === "number") metrics.push({ key, value, timestamp, step });
        }
      },
      epoch: send,
      runEnd: () => end("FINISHED"),
      failure: () => end("FAILED"),
    };
  },
});
export default stage;

/** MLflow accepts letters, digits, and a few other characters in the names of values. */
const keyOf = (key: string) => key.replaceAll(/[^\w./ -]+/g, "_").slice(0, 250);

const pairs = (all: object) =>
  Object.entries(all).map(([key, one]) => ({ key: keyOf(key), value: `${one}`.slice(0, 500) }));

/** The values of nested objects by their paths, such as `train.epochs`. */
const flat = (value: object, path = ""): Record<string, unknown> =>
  Object.entries(value).reduce((all, [key, part]) => {
    const isNested = typeof part === "object" && part !== null;
    return { ...all, ...isNested ? flat(part, `${path}${key}.`) : { [path + key]: part } };
  }, {});
