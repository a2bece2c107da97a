import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Data } from "apache-arrow";
import { join } from "node:path";
import { UserError } from "../../../src/base/errors.ts";
import { arrowSource, fixtures } from "../../support/arrow.ts";

/** What a server does beside answering. */
interface Habits {
  /** The status of the answer to request number N, from 0, where it is not to be the right one. */
  readonly fault?: (request: number) => number | undefined;
  /** Whether it knows ranges. */
  readonly ranges?: boolean;
  /** The version of the file at request number N. */
  readonly etag?: (request: number) => string;
}

/** Serves the fixtures to a test; `requests` are the ranges that it was asked for. */
async function withServer(
  { fault = () => undefined, ranges = true, etag = () => '"1"' }: Habits,
  test: (address: string, requests: string[]) => Promise<void>,
): Promise<void> {
  const requests: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const number = requests.length, range = request.headers.get("range") ?? "";
    requests.push(range);
    const status = fault(number);
    if (status) return new Response("no", { status });
    const path = join(fixtures, new URL(request.url).pathname);
    const bytes = await Deno.readFile(path).catch(() => undefined);
    if (!bytes) return new Response("nothing here", { status: 404 });
    if (!ranges) return new Response(bytes);
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range)!.map(Number) as [number, number, number];
    return new Response(bytes.subarray(from, to + 1), {
      status: 206,
      headers: { "content-range": `bytes ${from}-${to}/${bytes.length}`, etag: etag(number) },
    });
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}`, requests);
  } finally {
    await server.shutdown();
  }
}

/** The numbers of all buffers of a column and of the columns in it. */
function buffersOf({ values, valueOffsets, nullBitmap, children, dictionary }: Data): unknown[] {
  const own = [values, valueOffsets, nullBitmap].map((buffer) => buffer && Array.from(buffer));
  const inner = [...children, ...(dictionary?.data ?? [])];
  return [...own, ...inner.map((data) => buffersOf(data as Data))];
}

for (const name of ["types.arrow", "types.arrows", "lz4.arrow", "dictionary_delta.arrow"]) {
  Deno.test(`arrow reads the same values of ${name} from a server as from disk`, async () => {
    await withServer({}, async (address) => {
      const here = await arrowSource(name).open();
      const there = await arrowSource(`${address}/${name}`).open();
      assertEquals(there.rowCounts, here.rowCounts);
      assertEquals(there.fingerprint, here.fingerprint);
      for (const index of here.rowCounts!.keys()) {
        const [a, b] = [await there.recordBatch!(index), await here.recordBatch!(index)];
        assertEquals(buffersOf(a.data), buffersOf(b.data));
      }
      await here.close!();
    });
  });
}

Deno.test("arrow requests only the ranges of a file that it needs from a server", async () => {
  await withServer({}, async (address, requests) => {
    const dataset = await arrowSource(`${address}/types.arrow`).open();
    const before = requests.length;
    await dataset.recordBatch!(1);
    const { size } = await Deno.stat(join(fixtures, "types.arrow"));
    const asked = requests.slice(before).map((range) => {
      const [from, to] = range.slice("bytes=".length).split("-").map(Number) as [number, number];
      return to - from + 1;
    });
    assert(asked.reduce((sum, bytes) => sum + bytes, 0) < size / 2, `${asked} of ${size}`);
  });
});

Deno.test("arrow repeats a request after a temporary failure of a server", async () => {
  await withServer({ fault: (n) => n % 2 === 0 ? 503 : undefined }, async (address, requests) => {
    const dataset = await arrowSource(`${address}/no_rows.arrow`).open();
    assertEquals(dataset.rowCounts!.reduce((a, b) => a + b, 0), 0);
    assert(requests.length > 4);
  });
});

const refused: Readonly<Record<string, [Habits, string, string]>> = {
  "that does not have the file": [{}, "none.arrow", "the server answers 404"],
  "that is closed to us": [{ fault: () => 403 }, "types.arrow", "the server answers 403"],
  "that knows no ranges": [{ ranges: false }, "types.arrow", "does not support range requests"],
  "whose file changes meanwhile": [
    { etag: (n) => `"${n < 3 ? 1 : 2}"` },
    "types.arrow",
    "changed while it was being read",
  ],
};
for (const [what, [habits, file, message]] of Object.entries(refused)) {
  Deno.test(`arrow refuses a server ${what}`, async () => {
    await withServer(habits, async (address) => {
      const error = await assertRejects(() => arrowSource(`${address}/${file}`).open(), UserError);
      assertStringIncludes(error.message, address);
      assertStringIncludes(error.message, message);
      assert(error.problems[0]!.hint);
    });
  });
}

Deno.test("arrow reports that a server cannot be reached", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { port } = listener.addr;
  listener.close();
  const error = await assertRejects(
    () => arrowSource(`http://127.0.0.1:${port}/x.arrow`).open(),
    UserError,
  );
  assertStringIncludes(error.message, "cannot be read: ");
  assertStringIncludes(error.problems[0]!.hint!, "network");
});
