import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { stringify } from "yaml";
import { inFolder, rocket, root } from "../support/command_line.ts";
import { digitsPipeline } from "../support/pipelines.ts";

interface Pair {
  readonly key: string;
  readonly value: string;
}

interface MlflowMetric {
  readonly key: string;
  readonly value: number;
  readonly timestamp: number;
  readonly step: number;
}

/** What a server knows of a run. */
interface MlflowRun {
  readonly tags: Map<string, string>;
  readonly params: Map<string, string>;
  readonly metrics: MlflowMetric[];
  status: string;
}

/** A part of MLflow's REST API 2.0, which refuses what MLflow refuses. */
class FakeMlflow {
  readonly experiments: string[] = [];
  readonly runs = new Map<string, MlflowRun>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      async (request) => {
        const { pathname } = new URL(request.url);
        try {
          assertEquals(request.method, "POST");
          assertEquals(request.headers.get("content-type"), "application/json");
          return Response.json(this.#answer(pathname, await request.json()));
        } catch (error) {
          const body = { error_code: "INVALID_PARAMETER_VALUE", message: (error as Error).message };
          return Response.json(body, { status: 400 });
        }
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose]() {
    await this.#server.shutdown();
  }

  // deno-lint-ignore no-explicit-any -- what a client sends is not known
  #answer(path: string, body: any): object {
    const pairs = (list: readonly Pair[] = [], most = 100) => {
      assert(list.length <= most, `${list.length} values`);
      return list.map(({ key, value, ...more }): [string, string] => {
        assertEquals([typeof key, typeof value, Object.keys(more)], ["string", "string", []]);
        assertMatch(key, /^[\w./ -]{1,250}$/);
        assert(value.length <= 500);
        return [key, value];
      });
    };
    switch (path) {
      case "/api/2.0/mlflow/experiments/search": {
        const [, name] = /^name = '(.*)'$/.exec(body.filter)!;
        const found = this.experiments.indexOf(name!);
        // An empty list is left out, as protocol buffers do.
        return found < 0 ? {} : { experiments: [{ experiment_id: String(found), name }] };
      }
      case "/api/2.0/mlflow/experiments/create":
        assert(!this.experiments.includes(body.name), "RESOURCE_ALREADY_EXISTS");
        return { experiment_id: String(this.experiments.push(body.name) - 1) };
      case "/api/2.0/mlflow/runs/create": {
        assert(this.experiments[Number(body.experiment_id)] !== undefined);
        assert(Number.isInteger(body.start_time));
        const run_id = crypto.randomUUID().replaceAll("-", "");
        const run = { tags: new Map(pairs(body.tags)), params: new Map(), metrics: [] };
        this.runs.set(run_id, { ...run, status: "RUNNING" });
        return { run: { info: { run_id }, data: {} } };
      }
      case "/api/2.0/mlflow/runs/log-batch": {
        const run = this.runs.get(body.run_id)!;
        for (const [key, value] of pairs(body.params)) {
          assertEquals(run.params.get(key) ?? value, value, "parameters cannot change");
          run.params.set(key, value);
        }
        assert((body.metrics ?? []).length <= 1000);
        for (const { key, value, timestamp, step } of body.metrics ?? []) {
          assertMatch(key, /^[\w./ -]{1,250}$/);
          assert(Number.isFinite(value) && Number.isInteger(timestamp) && Number.isInteger(step));
          run.metrics.push({ key, value, timestamp, step });
        }
        return {};
      }
      case "/api/2.0/mlflow/runs/update":
        assertMatch(body.status, /^(RUNNING|FINISHED|FAILED)$/);
        this.runs.get(body.run_id)!.status = body.status;
        return { run_info: {} };
      default:
        throw new Error(`no endpoint ${path}`);
    }
  }
}

Deno.test("examples/outputs/mlflow.ts sends each metric of a run once, also if it is resumed", () =>
  inFolder(async (folder) => {
    await using mlflow = new FakeMlflow();
    const code = await Deno.readTextFile(join(root, "examples", "outputs", "mlflow.ts"));
    await Deno.writeTextFile(join(folder, "mlflow.ts"), code);
    const pipeline = digitsPipeline({
      train: { epochs: 1, batch: 512, baseline: "light-alone" },
      metrics: ["accuracy", "loss"],
      outputs: ["checkpoint", { use: "./mlflow.ts", server: mlflow.url, experiment: "digits" }],
    });
    await Deno.writeTextFile(join(folder, "p.yaml"), stringify(pipeline));
    const run = async (...args: string[]) => {
      const { code, stderr } = await rocket([...args, "--quiet"], { cwd: folder });
      assertEquals(code, 0, stderr);
    };
    const ended = () =>
      [...mlflow.runs.values()].map(({ tags, status }) => [tags.get("job"), status]);
    await run("p.yaml", "--out", "run", "--engine", "wasm");
    assertEquals(mlflow.experiments, ["digits"]);
    assertEquals(ended(), [["rocket", "FINISHED"], ["light-alone", "FINISHED"]]);
    await run("resume", "run", "--set", "train.epochs=2");
    assertEquals(ended(), [["rocket", "FINISHED"], ["light-alone", "FINISHED"]]);

    const [[id, rocketRun], [, alone]] = [...mlflow.runs] as [
      [string, MlflowRun],
      [string, MlflowRun],
    ];
    assertEquals(alone.tags.get("mlflow.parentRunId"), id);
    assertEquals(rocketRun.params.get("optimizer.learningRate"), "0.05");
    assertEquals(rocketRun.params.get("rows.train"), "1437");
    for (
      const [{ metrics }, file] of [
        [rocketRun, "metrics.jsonl"],
        [alone, "metrics-light-alone.jsonl"],
      ] as const
    ) {
      // What the run itself has recorded.
      const lines = (await Deno.readTextFile(join(folder, "run", file))).trim().split("\n");
      const expected = lines.map((line) => JSON.parse(line)).flatMap(
        ({ epoch: _, seconds: __, step, split, ...values }) =>
          Object.entries(values).map(([key, value]) => [
            `${split}/${key}`.replaceAll(/[^\w./ -]+/g, "_"),
            step,
            value,
          ]),
      );
      assertEquals(metrics.map(({ key, step, value }) => [key, step, value]), expected);
    }
  }));
