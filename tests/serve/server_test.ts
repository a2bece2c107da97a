import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { requestOf } from "../../src/serve/example.ts";
import type { ServeHandler } from "../../src/serve/handler.ts";
import type { ServeLimits } from "../../src/serve/limits.ts";
import { startServer } from "../../src/serve/server.ts";
import { served } from "../support/served.ts";

const encoder = new TextEncoder();

/** A server on a free port, which stops when it is disposed of. */
async function listening(
  limits: Partial<ServeLimits> = {},
  handler?: Pick<ServeHandler, "handle" | "stop">,
) {
  const { handler: make } = await served();
  let port = 0;
  const warnings: string[] = [];
  const server = startServer(handler ?? make(limits), {
    ...{ hostname: "127.0.0.1", port: 0, limits: { stopTime: 500, ...limits } },
    onListen: (own) => port = own,
    onWarning: (line) => warnings.push(line),
  });
  return {
    ...{ port, server, warnings },
    async [Symbol.asyncDispose]() {
      server.stop();
      await server.finished;
    },
  };
}

/** The bytes of a request for predictions. */
async function inferBytes(more = ""): Promise<{ head: string; body: string }> {
  const { table, columns } = await served();
  const body = JSON.stringify(requestOf(table.batches[0]!.slice(0, 2), columns));
  const head =
    `POST /v2/models/clicks/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${encoder.encode(body).length}\r\n${more}\r\n`;
  return { head, body };
}

/** Matches nothing, so that a connection is read to its end. */
const END = /(?!)/;

/** A connection that sends and receives plain text. */
class Client implements Disposable {
  readonly #connection: Deno.TcpConn;
  #received = "";

  constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async send(text: string): Promise<void> {
    for (let bytes = encoder.encode(text); bytes.length > 0;) {
      bytes = bytes.subarray(await this.#connection.write(bytes));
    }
  }

  /** Reads until the text matches, or the connection ends. */
  async read(until: RegExp): Promise<string> {
    const buffer = new Uint8Array(2 ** 16);
    while (!until.test(this.#received)) {
      const read = await this.#connection.read(buffer).catch(() => null);
      if (read === null) break;
      this.#received += new TextDecoder().decode(buffer.subarray(0, read));
    }
    return this.#received;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** Asserts that another client is answered at once. */
async function assertAnswers(port: number): Promise<void> {
  using client = await Client.open(port);
  const { head, body } = await inferBytes("Connection: close\r\n");
  await client.send(head + body);
  assertMatch(await client.read(END), /^HTTP\/1\.1 200 OK\r\n/);
}

Deno.test("startServer() answers others while clients send headers and bodies byte by byte", async () => {
  await using own = await listening({ receiveTime: 150 });
  const { head, body } = await inferBytes();
  const slow = await Promise.all(Array.from({ length: 60 }, () => Client.open(own.port)));
  await Promise.all(slow.map((client, at) =>
    // Some send a part of a header, others their headers and a part of a body, and others nothing.
    client.send([head.slice(0, 40), head + body.slice(0, 10), ""][at % 3]!)
  ));
  await assertAnswers(own.port);
  const [first] = slow.filter((_, at) => at % 3 === 1);
  const late = await first!.read(/\}$/);
  assertMatch(late, /^HTTP\/1\.1 408 /);
  assertMatch(late, /\r\nconnection: close\r\n/i);
  assertStringIncludes(late, "the body did not arrive within 0.15 seconds");
  await assertAnswers(own.port);
  for (const client of slow) client[Symbol.dispose]();
});

Deno.test("startServer() refuses invalid Host headers and prints no text of clients", async () => {
  await using own = await listening();
  const paths = ["x/v2/models/clicks#", "x?", "x\\metrics", "x@y", "/"];
  for (const host of [...paths, "[", "a b", '"<>', "a:99999999", "%zz", "\u009b31m"]) {
    using client = await Client.open(own.port);
    await client.send(`GET /v2 HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assertMatch(
      await client.read(END),
      /^HTTP\/1\.1 400 [^]*the `Host` header of the request is not/,
    );
  }
  await assertAnswers(own.port);
  assertEquals(own.warnings, []);
});

Deno.test("startServer() reads a body of many tiny parts in little memory, and answers others meanwhile", async () => {
  await using own = await listening();
  const { head, body } = await inferBytes("Connection: close\r\n");
  // Blanks are part of JSON.
  const tiny = "1\r\n \r\n".repeat(1000), parts = 30;
  const chunked = head.replace(/Content-Length.*\r\n/, "Transfer-Encoding: chunked\r\n");
  using client = await Client.open(own.port);
  const { rss } = Deno.memoryUsage();
  await client.send(chunked);
  for (let part = 0; part < parts; part++) await client.send(tiny);
  await assertAnswers(own.port);
  // A buffer of 64 KiB for each part would be 2 GB.
  assert(Deno.memoryUsage().rss - rss < 5e8);
  const bytes = encoder.encode(body).length.toString(16);
  await client.send(`${bytes}\r\n${body}\r\n0\r\n\r\n`);
  assertMatch(await client.read(END), /^HTTP\/1\.1 200 OK\r\n/);
});

Deno.test("startServer() refuses a body of many parts that does not arrive in time", async () => {
  await using own = await listening({ receiveTime: 150 });
  const { head } = await inferBytes();
  using client = await Client.open(own.port);
  await client.send(head.replace(/Content-Length.*\r\n/, "Transfer-Encoding: chunked\r\n"));
  await client.send("1\r\n \r\n".repeat(10));
  assertMatch(await client.read(/\}$/), /^HTTP\/1\.1 408 /);
});

Deno.test("startServer() closes connections whose chunks are not valid, and answers others", async () => {
  await using own = await listening();
  const { head } = await inferBytes();
  for (const chunk of ["F".repeat(17), "zz", "-1", "0x3", "1\r\n \r\nzz"]) {
    using client = await Client.open(own.port);
    await client.send(head.replace(/Content-Length.*\r\n/, "Transfer-Encoding: chunked\r\n"));
    await client.send(`${chunk}\r\nabc`);
    assertMatch(await client.read(END), /^(HTTP\/1\.1 400 [^]*)?$/, chunk);
    await assertAnswers(own.port);
  }
  assertEquals(own.warnings, []);
});

Deno.test("startServer() refuses huge bodies, declared and chunked, before they have arrived", async () => {
  await using own = await listening({ bodyBytes: 1e5 });
  const head =
    "POST /v2/models/clicks/infer HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
  {
    using client = await Client.open(own.port);
    await client.send(`${head}Content-Length: 99999999999\r\n\r\n`);
    const answer = await client.read(/\}$/);
    assertMatch(answer, /^HTTP\/1\.1 413 /);
    assertStringIncludes(answer, "the body has more than 100000 bytes");
  }
  // A body in chunks has another size than a header declares.
  for (const declared of ["", "Content-Length: 10\r\n"]) {
    using client = await Client.open(own.port);
    const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
    await client.send(`${head}${declared}Transfer-Encoding: chunked\r\n\r\n`);
    const sent = (async () => {
      for (let count = 0; count < 40; count++) await client.send(chunk);
    })().catch(() => {});
    // Deno itself refuses a request that says both.
    assertMatch(
      await client.read(/\}$/),
      declared ? /^HTTP\/1\.1 4(?:00|13) / : /^HTTP\/1\.1 413 /,
    );
    await sent;
  }
  {
    using client = await Client.open(own.port);
    await client.send(`GET /v2 HTTP/1.1\r\nX: ${"x".repeat(2 ** 20)}\r\n\r\n`).catch(() => {});
    assertMatch(await client.read(/\r\n\r\n/), /^$|^HTTP\/1\.1 4(?:00|31) /);
  }
  await assertAnswers(own.port);
});

Deno.test("startServer() answers each request of a flood, and outlives aborted connections", async () => {
  await using own = await listening({ waiting: 8 });
  const { head, body } = await inferBytes();
  await Promise.all(Array.from({ length: 40 }, async () => {
    using client = await Client.open(own.port);
    await client.send(head + body);
  }));
  // A client may also go away within its body.
  for (let count = 0; count < 20; count++) {
    using client = await Client.open(own.port);
    await client.send(head + body.slice(0, count));
  }
  const close = await inferBytes("Connection: close\r\n");
  const statuses = await Promise.all(Array.from({ length: 60 }, async () => {
    using client = await Client.open(own.port);
    await client.send(close.head + close.body);
    return /^HTTP\/1\.1 (\d+)/.exec(await client.read(END))?.[1];
  }));
  assertEquals(statuses.filter((status) => status !== "200" && status !== "429"), []);
  assertEquals(statuses.includes("200"), true);
  await assertAnswers(own.port);
  const { faults } = await served();
  assertEquals([faults, own.warnings], [[], []]);
});

Deno.test("startServer() finishes the requests that have arrived when it is stopped", async () => {
  const { handler } = await served(), inner = handler();
  const started = Promise.withResolvers<void>(), go = Promise.withResolvers<void>();
  const held = {
    stop: () => inner.stop(),
    async handle(request: Request) {
      const response = await inner.handle(request);
      if (request.headers.has("x-held")) {
        started.resolve();
        await go.promise;
      }
      return response;
    },
  };
  await using own = await listening({ stopTime: 10_000 }, held);
  const { head, body } = await inferBytes("X-Held: yes\r\n"), other = await inferBytes();
  using idle = await Client.open(own.port);
  await idle.send("GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n");
  await idle.read(/\}$/);
  const half = await Client.open(own.port);
  await half.send(other.head + other.body.slice(0, 20));
  using client = await Client.open(own.port);
  await client.send(head + body);
  await started.promise;
  own.server.stop();
  assertMatch(await half.read(/\}$/), /^HTTP\/1\.1 503 /);
  half[Symbol.dispose]();
  assertEquals(await Client.open(own.port).then(() => "connected", () => "refused"), "refused");
  go.resolve();
  assertMatch(await client.read(/\}$/), /^HTTP\/1\.1 200 /);
  await own.server.finished;
});

Deno.test("startServer() ends within its time, even if a client never completes its request", async () => {
  const { head } = await inferBytes();
  const own = await listening({ stopTime: 100 });
  using client = await Client.open(own.port);
  await client.send(head);
  await new Promise((resolve) => setTimeout(resolve, 50));
  own.server.stop();
  await own.server.finished;
});
