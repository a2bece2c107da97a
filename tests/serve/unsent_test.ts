import { assertEquals, assertThrows } from "@std/assert";
import { HttpError } from "../../src/serve/http_error.ts";
import { UnsentResponses } from "../../src/serve/unsent.ts";

const bytes = (size: number) => Uint8Array.from({ length: size }, (_, index) => index % 251);

Deno.test("UnsentResponses limits the answers that clients do not read, in size and in time", async () => {
  const unsent = new UnsentResponses({ unsentBytes: 3e5, sendTime: 1_000 });
  const headers = { "content-type": "x/y" };
  const open = () => unsent.respond({ body: bytes(2e5), headers });
  const full = () => assertThrows(open, HttpError, "clients have not read the answers");
  const read = open();
  assertEquals(read.headers.get("content-length"), "200000");
  full();
  // Others with small answers are not affected.
  assertEquals(await unsent.respond({ body: "small", headers }).text(), "small");
  assertEquals(new Uint8Array(await read.arrayBuffer()), bytes(2e5));
  await open().body!.cancel();
  const slow = open();
  full();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  // The body is now shorter than its declared length, which clients notice.
  assertEquals((await slow.arrayBuffer()).byteLength < 2e5, true);
  // A single answer may be larger than the limit.
  const text = "é".repeat(4e5);
  assertEquals(await unsent.respond({ body: text, headers }).text(), text);
  await open().body!.cancel();
});
