/**
 * Answers requests by the Open Inference Protocol v2. It knows nothing of sockets.
 *
 * @module
 */

import type { RecordBatch } from "apache-arrow";
import { ROCKET_VERSION } from "../base/package.ts";
import { UserError } from "../base/errors.ts";
import type { Predictions } from "../model/answers.ts";
import type { LoadedModel } from "../model/model.ts";
import type { ModelFile } from "../run/model/model_file.ts";
import { ARROW_STREAM, arrowResponse, openArrowRows, scoreOptions } from "./arrow_rows.ts";
import { Batcher } from "./batcher.ts";
import { BodyReader } from "./body.ts";
import { type ExampleRequest, exampleRequest } from "./example.ts";
import { HttpError, refuse } from "./http_error.ts";
import { readInferRequest } from "./infer_request.ts";
import { inferResponse } from "./infer_response.ts";
import { type InputColumn, inputColumns } from "./input_columns.ts";
import { defaultLimits, type ServeLimits } from "./limits.ts";
import { ServeMetrics } from "./metrics.ts";
import { outputColumns, type OutputLabel, outputTensors } from "./outputs.ts";
import { Turns } from "./turns.ts";
import { type ResponseParts, UnsentResponses } from "./unsent.ts";

/** A loaded model and the name under which the server offers it. */
export interface ServedModel {
  /** The name in addresses. */
  readonly name: string;
  /** The loaded net. */
  readonly loaded: LoadedModel;
  /** The content of `model.json`. */
  readonly model: ModelFile;
}

/** The number of characters of an error message that are sent. */
const LONGEST = 1000;

/** Answers requests for one model. */
export class ServeHandler {
  readonly #served: ServedModel;
  readonly #limits: ServeLimits;
  readonly #columns: readonly InputColumn[];
  readonly #label: OutputLabel;
  readonly #bodies: BodyReader;
  readonly #batcher: Batcher;
  readonly #unsent: UnsentResponses;
  readonly #metrics = new ServeMetrics();
  readonly #turns = new Turns();
  readonly #onFault: (error: unknown) => void;
  /**
   * The number of requests that wait for the net or are computed. Those whose clients are gone count
   * as well: Deno does not report this.
   */
  #waiting = 0;
  #stopping = false;
  /** The example, which takes long to make if a vocabulary is large. */
  #example: ExampleRequest | undefined;

  /**
   * Creates a handler.
   *
   * @param served The model.
   * @param onFault Called with errors that are not the client's.
   * @param limits The limits.
   */
  constructor(
    served: ServedModel,
    onFault: (error: unknown) => void,
    limits: ServeLimits = defaultLimits,
  ) {
    const { loaded, model } = served;
    this.#served = served;
    this.#limits = limits;
    this.#onFault = onFault;
    this.#columns = inputColumns(model);
    this.#label = { ...loaded.answers, units: model.network.units };
    this.#bodies = new BodyReader(limits, this.#turns);
    this.#unsent = new UnsentResponses(limits);
    this.#batcher = new Batcher(loaded, () => this.#metrics.batch());
  }

  /** Rejects new requests from now on; those that are being answered are finished. */
  stop(): void {
    this.#stopping = true;
  }

  /**
   * Answers a request.
   *
   * @param request The request.
   * @returns The response; never rejects.
   */
  async handle(request: Request): Promise<Response> {
    let name = "other", response: Response;
    try {
      const url = urlOf(request);
      const route = this.#route(url.pathname);
      name = route?.name ?? "other";
      if (!route) throw new HttpError(404, this.#notFound(url.pathname));
      const { method } = request;
      if (method !== route.method && !(method === "HEAD" && route.method === "GET")) {
        throw new HttpError(405, `${url.pathname.slice(0, 200)} is for ${route.method} only`, {
          allow: route.method === "GET" ? "GET, HEAD" : route.method,
        });
      }
      response = await route.answer(request, url);
    } catch (error) {
      response = this.#failed(error);
    }
    this.#metrics.request(name, response.status);
    return request.method === "HEAD" ? await headOf(response) : response;
  }

  #route(path: string): Route | undefined {
    const { name } = this.#served;
    const get = (route: string, answer: () => Response): Route => ({
      name: route,
      method: "GET",
      answer,
    });
    const plain = path.length > 1 ? path.replace(/\/$/, "") : path;
    switch (plain) {
      case "/v2":
        return get("server", () => this.#json(serverMetadata));
      case "/v2/health/live":
        return get("live", () => this.#json({ live: true }));
      case "/v2/health/ready":
        return get("ready", () => this.#ready({ ready: true, live: true }));
      case "/metrics":
        return get("metrics", () => this.#metricsText());
    }
    const prefix = "/v2/models/";
    if (!plain.startsWith(prefix)) return undefined;
    const slash = plain.indexOf("/", prefix.length);
    const model = plain.slice(prefix.length, slash < 0 ? undefined : slash);
    if (decoded(model) !== name) return undefined;
    switch (slash < 0 ? "" : plain.slice(slash)) {
      case "":
        return get("model", () => this.#json(this.#modelMetadata()));
      case "/ready":
        return get("model-ready", () => this.#ready({ name, ready: true }));
      case "/example":
        return get("example", () => {
          this.#example ??= exampleRequest(this.#served, this.#columns);
          return this.#json(this.#example);
        });
      case "/infer":
        return {
          name: "infer",
          method: "POST",
          answer: (request, url) => this.#infer(request, url),
        };
    }
    return undefined;
  }

  #notFound(path: string): string {
    const own = `/v2/models/${encodeURIComponent(this.#served.name)}`;
    return `there is no ${path.slice(0, 200)}; the model is at ${own}, without versions`;
  }

  #ready(value: unknown): Response {
    if (this.#stopping) throw stopped();
    return this.#json(value);
  }

  /** Such an answer can be large: a label may have many classes. */
  #json(value: unknown): Response {
    return this.#unsent.respond({
      body: JSON.stringify(value),
      headers: { "content-type": "application/json" },
    });
  }

  #metricsText(): Response {
    const { receiving } = this.#bodies;
    return new Response(this.#metrics.text({ receiving, waiting: this.#waiting }), {
      headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    });
  }

  #modelMetadata() {
    const { name, loaded } = this.#served;
    return {
      name,
      platform: loaded.engine === "ONNX Runtime" ? "onnx_onnxv1" : "rocket",
      inputs: this.#columns.map(({ name, datatype, shape }) => ({
        ...{ name, datatype },
        shape: [-1, ...shape],
      })),
      outputs: outputColumns(this.#label).map(({ name, datatype, shape, classes }) => ({
        ...{ name, datatype },
        shape: [-1, ...shape],
        ...(classes && { parameters: { classes } }),
      })),
    };
  }

  async #infer(request: Request, url: URL): Promise<Response> {
    const started = performance.now();
    this.#refuseBusy();
    const form = bodyForm(request.headers);
    const { bytes, release } = await this.#bodies.read(request).catch((error) => {
      // Deno cuts off bodies that are not complete when the server stops.
      throw this.#stopping ? stopped() : error;
    });
    this.#waiting++;
    try {
      // Others may have begun to wait while the body arrived.
      if (this.#waiting > this.#limits.waiting) throw busy();
      const answer = form === "arrow"
        ? await this.#answerArrow(bytes, url)
        : await this.#answerTensors(bytes, request);
      const response = this.#unsent.respond(answer.parts);
      const seconds = (performance.now() - started) / 1000;
      this.#metrics.predicted(seconds, answer.rows, answer.unknown);
      return response;
    } finally {
      this.#waiting--;
      release();
    }
  }

  #refuseBusy(): void {
    if (this.#stopping) throw stopped();
    if (this.#waiting >= this.#limits.waiting) throw busy();
  }

  /** Rejects requests whose answers would take too much memory. */
  #refuseMany(rows: number): void {
    const { units } = this.#label, most = Math.floor(this.#limits.logits / units);
    if (rows <= most) return;
    throw new HttpError(
      413,
      `the request has ${rows} rows; at most ${most} are allowed, because the model has ${units} logits for each`,
    );
  }

  async #answerTensors(bytes: Uint8Array, request: Request): Promise<Answered> {
    const label = this.#label, pause = this.#pauses();
    const turn = pause();
    if (turn) await turn;
    const { id, rows, outputs } = readInferRequest(
      bytes,
      request.headers.get("inference-header-content-length"),
      {
        columns: this.#columns,
        outputs: outputColumns(label).map(({ name }) => name),
        mostRows: this.#limits.rows,
        mostListValues: this.#limits.listValues,
        mostJson: this.#limits.jsonBytes,
      },
    );
    this.#refuseMany(rows.numRows);
    const parts = await this.#predict([rows], pause);
    const predictions = parts.map(({ predictions }) => predictions);
    const tensors = outputTensors(predictions, label, outputs);
    const unknown = sum(predictions, ({ unknown }) => unknown);
    const answer = inferResponse({
      ...{ model: this.#served.name, id, unknown },
      outputs: tensors.map((tensor, index) => ({ ...tensor, binary: outputs[index]!.binary })),
    });
    return { parts: answer, rows: rows.numRows, unknown };
  }

  async #answerArrow(bytes: Uint8Array, { searchParams }: URL): Promise<Answered> {
    const { columns } = this.#served.loaded;
    const pause = this.#pauses(), paused = async () => await pause();
    const rows = await openArrowRows(bytes, columns, this.#limits, paused);
    this.#refuseMany(sum(rows.rowCounts, (rows) => rows));
    const options = scoreOptions(searchParams, rows.schema);
    const parts = await this.#predict(rows.recordBatches(), pause);
    return {
      parts: await arrowResponse(rows.schema, parts, this.#label, options, paused),
      rows: sum(parts, ({ part }) => part.numRows),
      unknown: sum(parts, ({ predictions }) => predictions.unknown),
    };
  }

  /**
   * Returns a function to call before each part of the work for one answer. It lets the server
   * answer other requests from time to time, and throws when the time for the answer is over.
   */
  #pauses(): Pause {
    const { answerTime } = this.#limits;
    const latest = performance.now() + answerTime;
    const refuseLate = () => {
      if (performance.now() <= latest) return;
      throw new HttpError(
        503,
        `the answer was not ready within ${answerTime / 1000} seconds; send fewer rows`,
        { "retry-after": "1" },
      );
    };
    return () => {
      const turn = this.#turns.take();
      if (turn) return turn.then(refuseLate);
      refuseLate();
      return undefined;
    };
  }

  async #predict(
    batches: AsyncIterable<RecordBatch> | Iterable<RecordBatch>,
    pause: Pause,
  ): Promise<{ part: RecordBatch; predictions: Predictions }[]> {
    const { loaded } = this.#served;
    const parts: { part: RecordBatch; predictions: Predictions }[] = [];
    let before = 0;
    for await (const batch of batches) {
      // A record batch without rows has no parts.
      await pause();
      for (const part of loaded.cut(batch)) {
        const turn = pause();
        if (turn) await turn;
        const rows = loaded.decode(part, before);
        const predictions = await this.#batcher.predict(rows).catch((error) => {
          // The rows are valid, so that the client has made no mistake.
          throw error instanceof UserError ? new Error(error.message, { cause: error }) : error;
        });
        before += part.numRows;
        parts.push({ part, predictions });
      }
    }
    return parts;
  }

  /** Creates the response for an error. */
  #failed(error: unknown): Response {
    if (error instanceof UserError) {
      // Hints are about pipelines and data files, which a client does not have.
      return failure(400, error.problems.map(({ message }) => message).join("; "));
    }
    if (error instanceof HttpError) return failure(error.status, error.message, error.headers);
    this.#onFault(error);
    return failure(500, "the server has failed; its log has the error");
  }
}

/**
 * Asks for a turn before a part of the work for an answer, as {@linkcode Turns.take} does. Throws an
 * {@linkcode HttpError}, at once or later, when the time for the answer is over.
 */
type Pause = () => Promise<void> | undefined;

/** What answers the requests to an address. */
interface Route {
  /** The name of the endpoint in metrics. */
  readonly name: string;
  /** The method of its requests. */
  readonly method: "GET" | "POST";
  /** Answers a request. */
  readonly answer: (request: Request, url: URL) => Response | Promise<Response>;
}

/** A response, and what is counted. */
interface Answered {
  readonly parts: ResponseParts;
  readonly rows: number;
  readonly unknown: number;
}

const serverMetadata = {
  name: "rocket",
  version: ROCKET_VERSION,
  extensions: ["binary_tensor_data", "arrow_stream"],
};

/** Returns a response without its body, which nobody would read. */
async function headOf(response: Response): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, response);
}

function failure(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const error = message.length > LONGEST ? `${message.slice(0, LONGEST)}…` : message;
  return new Response(JSON.stringify({ error }), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

const stopped = () =>
  new HttpError(503, "the server is stopping", { "retry-after": "1", connection: "close" });

const busy = () =>
  new HttpError(429, "too many requests wait for the net; try again later", { "retry-after": "1" });

/** Returns the address of a request, which consists of its `Host` header and its target. */
function urlOf({ url, headers }: Request): URL {
  // Deno puts the header before the path, of which it could otherwise become a part.
  const isHost = /^[^\s/\\?#@]*$/.test(headers.get("host") ?? "");
  return (isHost ? URL.parse(url) : null) ??
    refuse("the address or the `Host` header of the request is not valid");
}

/** Determines the form of a body from the headers of its request. */
function bodyForm(headers: Headers): "tensors" | "arrow" {
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new HttpError(415, `the body has the encoding ${encoding.slice(0, 40)}; send it plain`);
  }
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === ARROW_STREAM) return "arrow";
  const binary = headers.has("inference-header-content-length");
  if (type === "application/json" || type === "") return "tensors";
  if (binary && type === "application/octet-stream") return "tensors";
  throw new HttpError(
    415,
    `the body is ${type.slice(0, 100)}; expected application/json or ${ARROW_STREAM}, or ` +
      "application/octet-stream with the header Inference-Header-Content-Length",
  );
}

function decoded(component: string): string | undefined {
  try {
    return decodeURIComponent(component);
  } catch {
    return undefined;
  }
}

const sum = <T>(values: readonly T[], of: (value: T) => number) =>
  values.reduce((sum, value) => sum + of(value), 0);
