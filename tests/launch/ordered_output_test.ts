import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { OrderedOutput } from "../../src/launch/ordered_output.ts";

Deno.test("OrderedOutput prints all output in the order of the runs, however they overlap", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.array(fc.nat({ max: 5 }), { maxLength: 5 }), { minLength: 1, maxLength: 5 }),
    fc.infiniteStream(fc.nat({ max: 3 })),
    async (delays, writes) => {
      const written: string[] = [], decoder = new TextDecoder();
      const output = new OrderedOutput(delays.length, async (chunk) => {
        await ticks(writes.next().value);
        written.push(decoder.decode(chunk));
      });
      await Promise.all(delays.map(async (times, run) => {
        for (const [index, time] of times.entries()) {
          await ticks(time);
          await output.of(run)(new TextEncoder().encode(`${run}.${index}`));
        }
        await output.end(run);
      }));
      const expected = delays.flatMap((times, run) => times.map((_, index) => `${run}.${index}`));
      assertEquals(written, expected);
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

/** Waits until other functions have made some progress. */
async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await Promise.resolve();
}
