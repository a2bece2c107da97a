import { assert, assertEquals } from "@std/assert";
import { runPart } from "../../src/sweep/processes.ts";

/** Runs code as a part of a sweep, and returns the lines that it printed. */
async function linesOf(code: string): Promise<string[]> {
  const lines: string[] = [];
  await runPart({
    command: ["eval", "--quiet", code],
    env: {},
    stop: new AbortController().signal,
    onLine: (line) => void lines.push(line),
    onError: () => {},
  });
  return lines;
}

Deno.test("the lines of a part of a sweep are complete, whatever the pieces in which they arrive", async () => {
  const code = `const text = "a\\n\\nüb" + "er\\n" + "x".repeat(200_000) + "\\nend";
for (const byte of new TextEncoder().encode(text.slice(0, 10))) {
  Deno.stdout.writeSync(Uint8Array.of(byte));
}
await new Response(text.slice(10)).body.pipeTo(Deno.stdout.writable);`;
  const lines = await linesOf(code);
  assertEquals(lines.map((line) => line.slice(0, 9)), ["a", "", "über", "xxxxxxxxx", "end"]);
  assertEquals(lines[3]!.length, 200_000);
});

Deno.test("a line without an end takes no more memory than an event", async () => {
  const code = `const bytes = new Uint8Array(2 ** 20).fill(65);
for (let count = 0; count < 64; count++) {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
console.log("\\nnext");`;
  const [long, next] = await linesOf(code);
  assert(long!.length >= 2 ** 24 && long!.length < 2 ** 25, `${long!.length}`);
  assertEquals(next, "next");
});
