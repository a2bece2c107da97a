import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import {
  type Data,
  Field,
  Int32,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import { requestOf } from "../../src/serve/example.ts";
import type { ServeHandler } from "../../src/serve/handler.ts";
import { served } from "../support/served.ts";
import {
  arrowBody,
  ask,
  binaryBody,
  binaryOutputs,
  jsonBody,
  type JsonRequest,
  type JsonTensor,
  servedLogits,
} from "../support/serve_requests.ts";
import { assertClose } from "../support/trained.ts";

const infer = "/v2/models/clicks/infer";

/** A request for the first rows of the table. */
async function firstRows(count: number): Promise<JsonRequest> {
  const { table, columns } = await served();
  return requestOf(table.batches[0]!.slice(0, count), columns);
}

/** Replaces parts of a tensor of a request. */
const changed = (request: JsonRequest, name: string, parts: Partial<JsonTensor>): JsonRequest => ({
  ...request,
  inputs: request.inputs.map((tensor) => tensor.name === name ? { ...tensor, ...parts } : tensor),
});

/** Asserts that a request is refused with a status and words, and that the next one is answered. */
async function assertRefused(
  handler: ServeHandler,
  init: RequestInit,
  status: number,
  words: string,
  path = infer,
): Promise<Headers> {
  const answer = await ask(handler, path, init);
  const text = new TextDecoder().decode(answer.bytes);
  assertEquals(answer.status, status, text);
  const { error } = answer.json();
  assertStringIncludes(error!, words);
  assertEquals(answer.headers.get("content-type"), "application/json");
  const { faults } = await served();
  assertEquals(faults, []);
  assertEquals((await ask(handler, infer, jsonBody(await firstRows(1)))).status, 200);
  return answer.headers;
}

Deno.test("ServeHandler has the metadata and health of the Open Inference Protocol", async () => {
  const { handler } = await served(), own = handler();
  const server = await ask(own, "/v2");
  const { name, version, extensions } = server.json() as unknown as Record<string, unknown>;
  assertEquals([typeof name, typeof version], ["string", "string"]);
  assert((extensions as string[]).includes("binary_tensor_data"));
  assertEquals((await ask(own, "/v2/")).status, 200);
  for (const path of ["/v2/health/live", "/v2/health/ready", "/v2/models/clicks/ready"]) {
    assertEquals((await ask(own, path)).status, 200);
    assertEquals((await ask(own, path, { method: "HEAD" })).status, 200);
  }
  const model = (await ask(own, "/v2/models/clicks")).json() as unknown as Record<string, unknown>;
  assertEquals([model.name, model.platform], ["clicks", "onnx_onnxv1"]);
  assertEquals(model.inputs, [
    { name: "city", datatype: "BYTES", shape: [-1] },
    { name: "item", datatype: "BYTES", shape: [-1] },
    { name: "shelf", datatype: "INT64", shape: [-1] },
    { name: "page", datatype: "BYTES", shape: [-1] },
    { name: "day", datatype: "INT64", shape: [-1] },
    { name: "price", datatype: "FP64", shape: [-1] },
    { name: "time", datatype: "INT64", shape: [-1] },
  ]);
  assertEquals(model.outputs, [
    { name: "score", datatype: "FP32", shape: [-1] },
    { name: "probabilities", datatype: "FP32", shape: [-1, 1] },
    { name: "logits", datatype: "FP32", shape: [-1, 1] },
  ]);
});

Deno.test("ServeHandler gives the logits of the run, from JSON, binary data and Arrow", async () => {
  const { handler, table, logits, columns } = await served();
  const rows = await servedLogits(handler(), "clicks", table.batches[0]!, columns);
  for (const values of Object.values(rows)) {
    assertClose(Float32Array.from(values, Number), logits.light!);
  }
});

Deno.test("ServeHandler answers what a request asks for, and repeats its id", async () => {
  const { handler, logits } = await served(), own = handler(), request = await firstRows(2);
  const all = (await ask(own, infer, jsonBody({ ...request, id: "42" }))).json();
  assertEquals([all.id, all.model_name], ["42", "clicks"]);
  assertEquals(all.outputs.map(({ name, datatype, shape }) => [name, datatype, shape]), [
    ["score", "FP32", [2]],
    ["probabilities", "FP32", [2, 1]],
    ["logits", "FP32", [2, 1]],
  ]);
  const sigmoid = (row: number) => 1 / (1 + Math.exp(-logits.light![row]![0]!));
  all.outputs[0]!.data.forEach((score, row) => assertAlmostEquals(score!, sigmoid(row), 1e-6));
  // Each output may be JSON or binary.
  const outputs = [
    { name: "logits", parameters: { binary_data: true } },
    { name: "score", parameters: { binary_data: false } },
  ];
  const mixed = await ask(own, infer, jsonBody({ ...request, outputs }));
  const length = Number(mixed.headers.get("inference-header-content-length"));
  assertEquals(mixed.bytes.length, length + 8);
  const head = JSON.parse(new TextDecoder().decode(mixed.bytes.subarray(0, length)));
  assertEquals(head.outputs.map(({ name }: JsonTensor) => name), ["logits", "score"]);
  assertEquals(head.outputs[0].parameters, { binary_data_size: 8 });
  assertEquals(head.outputs[1].data, all.outputs[0]!.data);
  // Nested data, and a batch dimension for single values.
  const nested = changed(request, "city", {
    shape: [2, 1],
    data: request.inputs[0]!.data!.map((city) => [city]),
  });
  const same = (await ask(own, infer, jsonBody(nested))).json();
  assertEquals(same.outputs, all.outputs);
  // Other widths of numbers, and no rows.
  const wide = changed(request, "day", { datatype: "UINT8" });
  assertEquals((await ask(own, infer, binaryBody(wide))).status, 200);
  const none = { inputs: request.inputs.map((tensor) => ({ ...tensor, shape: [0], data: [] })) };
  const empty = (await ask(own, infer, jsonBody(none))).json();
  assertEquals(empty.outputs.map(({ shape, data }) => [shape[0], data]), Array(3).fill([0, []]));
});

Deno.test("ServeHandler treats nulls and unknown values as in training, and counts the latter", async () => {
  const { handler, columns } = await served(), own = handler(), [row] = [await firstRows(1)];
  const score = async (request: JsonRequest, body = jsonBody) =>
    (await ask(own, infer, body({ ...request, outputs: [{ name: "logits" }] }))).json();
  const unknown = changed(row, "city", { data: ["Atlantis"] });
  const other = changed(row, "city", { data: ["Lemuria"] });
  const first = await score(unknown), second = await score(other);
  assertEquals(first.parameters, { unknown_values: 1 });
  assertEquals(first.outputs, second.outputs);
  // NaN in binary data is a null.
  const missing = changed(row, "price", { data: [null] });
  const json = await score(missing);
  const binary = await ask(
    own,
    infer,
    binaryBody({ ...missing, outputs: [{ name: "logits", parameters: { binary_data: true } }] }),
  );
  const [logit] = new Float32Array(binaryOutputs(binary).get("logits")!.slice().buffer);
  assertAlmostEquals(json.outputs[0]!.data[0]!, logit!, 1e-6);
  // 2^53 + 1 is in the vocabulary, but no double.
  const shelf = changed(row, "shelf", { data: ["9007199254740993"] });
  assertEquals((await score(shelf)).parameters, undefined);
  await assertRefused(
    own,
    jsonBody(changed(row, "shelf", { data: [9007199254740992] })),
    400,
    "the input shelf has 9007199254740992 in row 0; expected a whole number; beyond ±9007199254740991",
  );
  assertEquals(columns.length, 7);
});

Deno.test("ServeHandler refuses wrong shapes, types and columns, with the column and the row", async () => {
  const { handler, table } = await served(), own = handler(), request = await firstRows(3);
  const refused = (parts: JsonRequest, words: string) =>
    assertRefused(own, jsonBody(parts), 400, words);
  const without = {
    inputs: request.inputs.filter(({ name }) => name !== "item" && name !== "day"),
  };
  await refused(without, "missing inputs: item, day");
  await refused(changed(request, "city", { name: "citty" }), "did you mean city?");
  await refused(changed(request, "city", { name: "__proto__" }), 'no input "__proto__"');
  await refused(
    { inputs: [...request.inputs, request.inputs[0]!] },
    "the input city is there twice",
  );
  await refused(
    changed(request, "city", { datatype: "FP32" }),
    "the datatype FP32; expected BYTES",
  );
  await refused(changed(request, "city", { datatype: "TEXT" }), "must be one of BOOL, INT8");
  await refused(changed(request, "day", { datatype: "FP32" }), "expected INT64 (INT8");
  await refused(
    changed(request, "city", { data: ["a", 5, "b"] }),
    "the input city has 5 in row 1; expected a text",
  );
  await refused(
    changed(request, "city", { data: ["a", "b", "\ud800"] }),
    "in row 2; expected a text",
  );
  await refused(changed(request, "price", { data: [1, 2, "3"] }), 'has the text "3" in row 2');
  await refused(
    changed(request, "price", { data: [1, [2], 3] }),
    "has a list in row 1; expected a number",
  );
  await refused(changed(request, "day", { data: [1, 2.5, 3] }), "has 2.5 in row 1");
  await refused(changed(request, "day", { data: [1, 2, 8] }), "row 2, column day: ");
  await refused(changed(request, "day", { data: [null, 2, 3] }), "row 0, column day: is null");
  await refused(changed(request, "city", { shape: [2] }), "has 3 values; its shape [2] has 2");
  await refused(changed(request, "city", { shape: [3, 2] }), "the shape [3, 2]; expected [rows]");
  await refused(changed(request, "city", { shape: [-3] }), "must be a list of whole numbers");
  await refused(changed(request, "city", { shape: [1e9], data: [] }), "has no values");
  await refused(
    changed(request, "city", { shape: [2], data: ["a", "b"] }),
    "the input item has 3 rows, but city has 2",
  );
  await refused({ ...request, outputs: [{ name: "scores" }] }, "its outputs are score, prob");
  await refused({ ...request, id: 5 } as never, "`id` must be a text");
  await refused({ inputs: [] }, "`inputs` must be a list of tensors");
  await refused({ inputs: 5 } as never, "`inputs` must be a list of tensors");
  await refused([] as never, "the body must be a JSON object");
  await refused(null as never, "the body must be a JSON object");
  const shared = { shared_memory_region: "a" };
  await refused(changed(request, "city", { parameters: shared }), "is in shared memory");
  const top = [{ name: "score", parameters: { classification: 3 } }];
  await refused(
    { ...request, outputs: top },
    "classification of the output score is not supported",
  );
  const prices = table.select(["city", "item", "shelf", "page", "day", "time"]);
  await assertRefused(own, arrowBody(new Table(prices.batches)), 400, 'no column "price"');
});

Deno.test("ServeHandler refuses bodies that are no JSON, and keeps answering", async () => {
  const { handler } = await served(), own = handler();
  const raw = (body: string | Uint8Array, headers: Record<string, string> = {}): RequestInit => ({
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: (typeof body === "string" ? new TextEncoder().encode(body) : body) as Uint8Array<
      ArrayBuffer
    >,
  });
  await assertRefused(own, raw(""), 400, "the body is not JSON");
  await assertRefused(own, raw("{"), 400, "the body is not JSON");
  await assertRefused(
    own,
    raw('{"inputs": [{"data": [NaN]}]}'),
    400,
    "NaN and Infinity are no JSON",
  );
  await assertRefused(own, raw(Uint8Array.of(0x22, 0xff, 0x22)), 400, "its bytes are not UTF-8");
  await assertRefused(own, raw("[".repeat(1e6)), 400, "the body is not JSON");
  const deep = "[".repeat(1e5) + "]".repeat(1e5);
  await assertRefused(own, raw(`{"inputs":${deep}}`), 400, "inputs[0] must be an object");
  const request = JSON.stringify(await firstRows(1));
  const city = request.replace(/("name":"city".*?"data":)\[[^\]]*\]/, `$1${deep}`);
  assert(city.length > 2e5);
  await assertRefused(own, raw(city), 400, "a list");
  await assertRefused(own, raw('{"__proto__":{"inputs":[]}}'), 400, "`inputs` must be a list");
  await assertRefused(
    own,
    raw(request.replace("{", '{"__proto__":{"binary_data_output":true},"parameters":[],')),
    400,
    "`parameters` of the request must be an object",
  );
  const long = JSON.stringify({ inputs: [{ name: "x".repeat(1e6) }] });
  const { bytes } = await ask(own, infer, raw(long));
  assert(bytes.length < 2000);
});

Deno.test("ServeHandler refuses binary data that do not fit their tensors", async () => {
  const { handler } = await served(), own = handler(), request = await firstRows(2);
  const refused = async (
    change: (json: JsonRequest) => JsonRequest,
    more: number[],
    words: string,
  ) => {
    const { body, headers } = binaryBody(request);
    const length = Number(new Headers(headers).get("inference-header-content-length"));
    const bytes = body as Uint8Array;
    const json = JSON.parse(new TextDecoder().decode(bytes.subarray(0, length)));
    const head = new TextEncoder().encode(JSON.stringify(change(json)));
    const all = Uint8Array.from([...head, ...bytes.subarray(length), ...more]);
    const own1 = { "content-type": "application/octet-stream" };
    const init = {
      method: "POST",
      body: all,
      headers: {
        ...own1,
        "inference-header-content-length": String(head.length),
      },
    };
    await assertRefused(own, init, 400, words);
  };
  const same = (json: JsonRequest) => json;
  await refused(same, [0], "bytes follow the JSON, but the inputs have");
  const sized = (binary_data_size: unknown) => (json: JsonRequest) =>
    changed(json, "price", { parameters: { binary_data_size } });
  await refused(sized(12), [], "has 12 bytes; 2 values of FP64 have 16");
  await refused(sized(1e9), [], "has 1000000000 bytes of binary data");
  await refused(sized(-1), [], "must be a number of bytes");
  await refused(sized("16"), [], "must be a number of bytes");
  await refused(
    (json) => changed(json, "price", { shape: [2 ** 20] }),
    [],
    "too few for its shape",
  );
  await refused(
    (json) => changed(json, "price", { data: [1, 2] }),
    [],
    "both `data` and binary data",
  );
  await refused((json) => changed(json, "city", { shape: [1] }), [], "its 1 values end after");
  const { body } = binaryBody(request);
  const octets = { "content-type": "application/octet-stream" };
  for (const length of ["-1", "1e3", "99999999", "x"]) {
    const headers = { ...octets, "inference-header-content-length": length };
    await assertRefused(
      own,
      { method: "POST", headers, body: body! },
      400,
      "is " + JSON.stringify(length),
    );
  }
  const tensors = request.inputs.map(({ data: _, ...tensor }) => ({
    ...tensor,
    parameters: { binary_data_size: 4 },
  }));
  await assertRefused(own, jsonBody({ inputs: tensors }), 400, "no header");
});

Deno.test("ServeHandler refuses other addresses, methods and forms of bodies", async () => {
  const { handler, table } = await served(), own = handler();
  const get = (path: string, status: number, words: string, init: RequestInit = {}) =>
    assertRefused(own, init, status, words, path);
  await get("/", 404, "the model is at /v2/models/clicks");
  await get("/v2/models/other/infer", 404, "there is no ", { method: "POST" });
  await get("/v2/models/%E0%A4%A/infer", 404, "there is no ", { method: "POST" });
  await get("/v2/models/clicks/versions/1/infer", 404, "without versions", { method: "POST" });
  const headers = await get(infer, 405, "is for POST only");
  assertEquals(headers.get("allow"), "POST");
  const other = await get("/v2", 405, "is for GET only", { method: "DELETE" });
  assertEquals(other.get("allow"), "GET, HEAD");
  const typed = (type: string, more: Record<string, string> = {}) => ({
    method: "POST",
    headers: { "content-type": type, ...more },
    body: new Uint8Array(2),
  });
  await get(infer, 415, "expected application/json", typed("application/x-www-form-urlencoded"));
  await get(infer, 415, "expected application/json", typed("application/octet-stream"));
  const gzip = { "content-encoding": "gzip" };
  await get(infer, 415, "the body has the encoding gzip", typed("application/json", gzip));
  const stream = "application/vnd.apache.arrow.stream";
  await get(infer, 400, "the body", typed(stream));
  const whole = arrowBody(table);
  await get(infer, 400, "cut off or damaged", {
    ...whole,
    body: (whole.body as Uint8Array<ArrayBuffer>).slice(0, -200),
  });
});

Deno.test("ServeHandler answers Arrow streams with the columns that predict writes", async () => {
  const { handler, table } = await served(), own = handler();
  const answer = await ask(own, `${infer}?keep=y,item&logits`, arrowBody(table));
  assertEquals(answer.headers.get("content-type"), "application/vnd.apache.arrow.stream");
  const scores = tableFromIPC(answer.bytes);
  assertEquals(scores.schema.fields.map(({ name }) => name), ["item", "y", "score", "logit"]);
  assertEquals([...scores.getChild("item")!], [...table.getChild("item")!]);
  await assertRefused(own, arrowBody(table), 400, "no query parameter", `${infer}?kept=y`);
  await assertRefused(own, arrowBody(table), 400, 'no column "z" to keep', `${infer}?keep=z`);
});

Deno.test("ServeHandler refuses Arrow streams with a column twice, and with too many columns and record batches", async () => {
  const { handler, table } = await served(), own = handler(), [batch] = table.batches;
  const one = batch!.slice(0, 1), { fields } = one.schema;
  const widened = (name: string, data: Data, count: number) => {
    const more = Array.from(
      { length: count },
      (_, at) => new Field(count === 1 ? name : `${name}${at}`, data.type, true),
    );
    const schema = new Schema([...fields, ...more]);
    const children = [...one.data.children, ...more.map(() => data)];
    const struct = { type: new Struct(schema.fields), length: 1, nullCount: 0, children };
    return arrowBody(new Table([new RecordBatch(schema, makeData(struct))]));
  };
  // arrow-js does not write two columns with the same name.
  const text = vectorFromArray(["EVIL text"], new Utf8()).data[0]!;
  const twice = widened("dAy", text, 1), bytes = twice.body as Uint8Array;
  bytes.set([0x61], new TextDecoder("latin1").decode(bytes).indexOf("dAy") + 1);
  await assertRefused(own, twice, 400, "the body has two columns called day");
  const few = handler({ messages: 2, columns: 14 });
  const parts = (count: number) => arrowBody(new Table(Array(count).fill(one)));
  assertEquals((await ask(few, infer, parts(2))).status, 200);
  await assertRefused(few, parts(3), 413, "more than 2 record batches and dictionaries");
  const narrow = handler({ columnsOfBatches: 1 }), brief = handler({ metadata: 100 });
  await assertRefused(narrow, parts(400), 413, "columns in 400 record batches");
  assertEquals((await ask(brief, infer, parts(1))).status, 413);
  const list = vectorFromArray([[1]], new List(new Field("item", new Int32(), true))).data[0]!;
  assertEquals((await ask(few, infer, widened("more", list, 3))).status, 200);
  await assertRefused(few, widened("more", list, 4), 413, "more than 14 columns");
});

Deno.test("ServeHandler answers others between the record batches of a request", async () => {
  const { handler, table } = await served(), own = handler();
  const none = table.batches[0]!.slice(0, 0);
  const long = ask(own, infer, arrowBody(new Table(Array(1000).fill(none)))).then(() => "long");
  const others = [0, 10, 20].map((time) =>
    new Promise((resolve) => setTimeout(resolve, time)).then(() => ask(own, "/v2/health/live"))
  );
  assertEquals(await Promise.race([long, Promise.all(others).then(() => "others")]), "others");
  assertEquals(await long, "long");
});

Deno.test("ServeHandler limits bodies, rows, time and waiting requests", async () => {
  const { handler, table } = await served(), request = await firstRows(3);
  const small = handler({ bodyBytes: 2000 });
  const large = { method: "POST", headers: { "content-type": "application/json" } };
  await assertRefused(small, { ...large, body: new Uint8Array(2001) }, 413, "more than 2000 bytes");
  // Without a declared length, the body is read up to the limit.
  const endless = () => {
    let sent = 0;
    return new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(500).fill(++sent)),
    });
  };
  const chunked = { ...large, body: endless(), duplex: "half" } as RequestInit;
  const closed = await assertRefused(small, chunked, 413, "more than 2000 bytes");
  assertEquals(closed.get("connection"), "close");
  for (const few of [handler({ rows: 2 }), handler({ logits: 2 })]) {
    await ask(few, infer, jsonBody(request)).then(({ status }) => assertEquals(status, 413));
    await ask(few, infer, arrowBody(table)).then(({ status }) => assertEquals(status, 413));
  }
  // Parsed JSON takes much more memory than binary data.
  const brief = handler({ jsonBytes: 400 });
  const answer = await ask(brief, infer, jsonBody(request));
  assertEquals(answer.status, 413);
  assertStringIncludes(
    answer.json().error!,
    "at most 400 are allowed: send binary data or an Arrow",
  );
  assertEquals((await ask(brief, infer, arrowBody(table))).status, 200);
  const slow = handler({ receiveTime: 50 });
  const silent = { ...large, body: new ReadableStream(), duplex: "half" } as RequestInit;
  await assertRefused(slow, silent, 408, "did not arrive within 0.05 seconds");
  const late = handler({ answerTime: -1 });
  assertEquals((await ask(late, infer, jsonBody(request))).status, 503);
  // Of requests that come at once, some are answered, and others may try again.
  const busy = handler({ waiting: 2 });
  const all = await Promise.all(
    Array.from({ length: 6 }, () => ask(busy, infer, jsonBody(request))),
  );
  const statuses = all.map(({ status }) => status).sort();
  assertEquals(statuses, [200, 200, 429, 429, 429, 429]);
  const refused = all.find(({ status }) => status === 429)!;
  assertEquals(refused.headers.get("retry-after"), "1");
  assertEquals((await ask(busy, infer, jsonBody(request))).status, 200);
  const receiving = handler({ receiving: 1 });
  const waits = ask(receiving, infer, {
    ...large,
    body: new ReadableStream({
      start: (c) => {
        setTimeout(() => c.close(), 50);
      },
    }),
    duplex: "half",
  } as RequestInit);
  assertEquals((await ask(receiving, infer, jsonBody(request))).status, 429);
  assertEquals((await waits).status, 400);
});

Deno.test("ServeHandler computes requests that wait together, each with its own answer", async () => {
  const { handler, table, columns, logits } = await served(), own = handler();
  const rows = table.batches[0]!;
  const requests = Array.from(
    { length: 12 },
    (_, row) => requestOf(rows.slice(row, row + 1), columns),
  );
  const wrong = changed(requests[5]!, "day", { data: [99] });
  const answers = await Promise.all(
    requests.map((request, at) => ask(own, infer, jsonBody(at === 5 ? wrong : request))),
  );
  answers.forEach(({ status, json }, row) => {
    assertEquals(status, row === 5 ? 400 : 200);
    if (row === 5) return;
    const { data } = json().outputs.find(({ name }) => name === "logits")!;
    assertAlmostEquals(data[0]!, logits.light![row]![0]!, 1e-5);
  });
  const metrics = new TextDecoder().decode((await ask(own, "/metrics")).bytes);
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(metrics)![1]);
  assertEquals(value("rocket_rows_total"), 11);
  assert(value("rocket_batches_total") < 11);
  assertEquals(value('rocket_requests_total{endpoint="infer",status="200"}'), 11);
  assertEquals(value('rocket_requests_total{endpoint="infer",status="400"}'), 1);
  assertEquals(value('rocket_predict_seconds_bucket{le="\\+Inf"}'), 11);
  assertEquals([value("rocket_waiting"), value("rocket_receiving")], [0, 0]);
  for (const line of metrics.trim().split("\n")) {
    assertMatch(line, /^# (?:HELP|TYPE) \w+ .+$|^\w+(?:\{[^}]*\})? [\d.e+-]+$/);
  }
});

Deno.test("ServeHandler refuses requests while the server stops", async () => {
  const { handler } = await served(), own = handler(), request = jsonBody(await firstRows(1));
  const running = ask(own, infer, request);
  own.stop();
  assertEquals((await running).status, 200);
  assertEquals((await ask(own, infer, request)).status, 503);
  assertEquals((await ask(own, "/v2/health/ready")).status, 503);
  assertEquals((await ask(own, "/v2/health/live")).status, 200);
});

Deno.test("ServeHandler has an example, which is a request that the server answers", async () => {
  const { handler } = await served(), own = handler();
  const example = (await ask(own, "/v2/models/clicks/example")).json();
  assertEquals((await ask(own, infer, jsonBody(example))).status, 200);
});

Deno.test("ServeHandler counts large descriptions among the answers that clients have not read", async () => {
  const name = "x".repeat(100_000), { handler } = await served();
  const own = handler({ unsentBytes: 150_000 }, name);
  const ask = () => own.handle(new Request(`http://localhost/v2/models/${name}`));
  const first = await ask(), second = await ask();
  assertEquals([first.status, second.status], [200, 429]);
  await second.body!.cancel();
  assertEquals((await first.json()).name, name);
  // Nobody reads the body of an answer to HEAD.
  for (let count = 0; count < 3; count++) {
    const { status, body } = await own.handle(
      new Request(`http://localhost/v2/models/${name}`, { method: "HEAD" }),
    );
    assertEquals([status, body], [200, null]);
  }
  const third = await ask();
  assertEquals(third.status, 200);
  await third.body!.cancel();
});
