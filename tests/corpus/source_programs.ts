import { join } from "node:path";
import { type Bindings, columnBuilder } from "../../plugins/sources/duckdb_columns.ts";
import { unloadable } from "../../plugins/sources/duckdb.ts";
import { indexIpc } from "../../plugins/sources/ipc_index.ts";
import { openFile, openUrl, type RandomAccess } from "../../plugins/sources/random_access.ts";
import { file, rows } from "./data_case.ts";
import type { ProgramCase } from "./program_cases.ts";

/**
 * A stream of one record batch of 2.2 GB, which is held nowhere: behind its first bytes there are
 * zeros.
 */
function enormousStream(): RandomAccess {
  const bytes = file(rows, "stream"), view = new DataView(bytes.buffer);
  const batch = 8 + view.getInt32(4, true);
  const start = batch + 8, message = start + view.getUint32(start, true);
  const table = message - view.getInt32(message, true);
  const size = 2.2e9;
  view.setBigInt64(message + view.getUint16(table + 4 + 2 * 3, true), BigInt(size), true);
  const end = start + view.getInt32(batch + 4, true) + size;
  return {
    name: "a.arrows",
    size: end,
    version: "",
    read(offset, into) {
      into.fill(0).set(bytes.subarray(offset, offset + into.length));
      return Promise.resolve();
    },
    refuseChanged: () => {},
    close: () => Promise.resolve(),
  };
}

/** DuckDB's interface to a column of texts that have 40 kB each. */
function longTexts(): Bindings {
  const length = 40_000;
  const interface_: Pick<
    Bindings,
    "vector_get_data" | "vector_get_validity" | "get_data_from_pointer"
  > = {
    vector_get_data(_, bytes) {
      const words = new Uint32Array(bytes / 4);
      for (let at = 0; at < words.length; at += 4) words[at] = length;
      return new Uint8Array(words.buffer);
    },
    vector_get_validity: (_, bytes) => new Uint8Array(bytes).fill(255),
    get_data_from_pointer: (_, __, bytes) => new Uint8Array(bytes),
  };
  return interface_ as Bindings;
}

/**
 * How a server answers: whether it knows parts of files, and the version of its file at each
 * request.
 */
interface Server {
  readonly parts?: boolean;
  readonly version?: (request: number) => string;
}

/** Reads a file from a server. */
async function fromServer(path: string, { parts = true, version = () => "1" }: Server = {}) {
  const bytes = file();
  let requests = 0;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    if (new URL(request.url).pathname !== "/a.arrow") return new Response("", { status: 404 });
    const etag = version(requests++);
    if (!parts) return new Response(bytes, { headers: { etag } });
    const [from, to] = request.headers.get("range")!.slice("bytes=".length).split("-").map(Number);
    const range = `bytes ${from}-${to}/${bytes.length}`;
    const headers = { "content-range": range, etag };
    return new Response(bytes.slice(from, to! + 1), { status: 206, headers });
  });
  const opened = await openUrl(`http://127.0.0.1:${server.addr.port}/${path}`);
  await opened.read(0, new Uint8Array(8));
}

/** What files and servers do that no command line brings about in a test. */
export function* sourcePrograms(folder: string): Iterable<ProgramCase> {
  yield {
    name: "a machine that DuckDB is not made for",
    run() {
      throw unloadable(new Error("Cannot find module '@duckdb/node-bindings-plan9-mips'"));
    },
  };
  yield {
    name: "a DuckDB that was not downloaded before",
    run() {
      throw unloadable(
        new Error(
          'Failed loading https://example.org/@duckdb%2fnode-api for package "@duckdb/node-api"\n    0: npm package not found in cache: "@duckdb/node-api", --cached-only is specified.',
        ),
      );
    },
  };
  const texts = (count: number) => {
    const builder = columnBuilder({ typeId: 17 } as never, longTexts())!;
    builder.append(undefined as never, 0, count);
  };
  yield {
    name: "a record batch of more than 2 GB of text",
    run: () => texts(2 ** 16),
    mended: { "duckdb/batch": () => texts(64) },
  };
  yield {
    name: "an Arrow stream with a record batch of more than 2 GB",
    run: async () => void await (await indexIpc(enormousStream(), "stream")).read(0),
    mended: {
      "arrow/batch": async () => {
        const path = join(folder, "small.arrows");
        await Deno.writeFile(path, file(rows, "stream"));
        const opened = await openFile("a.arrows", path);
        await (await indexIpc(opened, "stream")).read(0);
        await opened.close();
      },
    },
  };
  yield {
    name: "a server without the file",
    run: () => fromServer("b.arrow"),
    mended: { "url/address": () => fromServer("a.arrow") },
  };
  yield {
    name: "a server without range requests",
    run: () => fromServer("a.arrow", { parts: false }),
    mended: {
      "url/whole": async () => {
        const path = join(folder, "fetched.arrow");
        await Deno.writeFile(path, file());
        await (await openFile("fetched.arrow", path)).close();
      },
    },
  };
  yield {
    name: "a server that gets another file",
    run: () => fromServer("a.arrow", { version: (request) => `${request}` }),
    mended: { "url/changed": () => fromServer("a.arrow") },
  };
}
