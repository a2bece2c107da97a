import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Stopwatch } from "../../src/run/stopwatch.ts";

/** Runs a test with a clock that only moves when it is told to. */
async function withClock(test: (pass: (milliseconds: number) => void) => Promise<void>) {
  const { now } = performance;
  let time = 1000;
  performance.now = () => time;
  try {
    await test((milliseconds) => void (time += milliseconds));
  } finally {
    performance.now = now;
  }
}

Deno.test("Stopwatch adds up the time between start and stop, and the time since the last start", () =>
  withClock(async (pass) => {
    const watch = new Stopwatch();
    pass(500);
    assertEquals(watch.seconds, 0);
    watch.start();
    pass(250);
    assertEquals(watch.seconds, 0.25);
    watch.stop();
    pass(500);
    watch.start();
    pass(1000);
    assertEquals(watch.seconds, 1.25);
    await Promise.resolve();
  }));

Deno.test("Stopwatch.during() counts while a function runs, even if it is asynchronous or throws", () =>
  withClock(async (pass) => {
    const watch = new Stopwatch();
    assertEquals(watch.during(() => (pass(250), 7)), 7);
    const slow = watch.during(async () => {
      await Promise.resolve();
      pass(500);
      return 8;
    });
    assertEquals(await slow, 8);
    pass(4000);
    const fail = (): never => {
      pass(250);
      throw new Error("no more");
    };
    assertThrows(() => watch.during(fail), Error, "no more");
    await assertRejects(() => watch.during(() => Promise.resolve().then(fail)), Error, "no more");
    pass(4000);
    assertEquals(watch.seconds, 1.25);
  }));
