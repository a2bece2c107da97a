import { assertEquals } from "@std/assert";
import { constants } from "node:os";
import { findCommand } from "../../src/engine/native/command.ts";
import { launcherArguments, type SmallProject, withProject } from "./support.ts";

/** There are no signals to send on Windows. */
const ignore = Deno.build.os === "windows";

/** A program that ends at the first signal, with a different exit code for each signal. */
const ending = `
for (const [signal, code] of [["SIGINT", 5], ["SIGTERM", 6], ["SIGHUP", 7]]) {
  Deno.addSignalListener(signal, () => {
    console.log(signal);
    Deno.exit(code);
  });
}
setTimeout(() => Deno.exit(99), 60_000);
console.log("ready");
`;

/**
 * A program that counts interrupts until SIGTERM, or for a while after the first one, so that a
 * second one would be counted.
 */
const counting = (untilTerminated: boolean) => `
let interrupts = 0;
const end = () => setTimeout(() => {
  console.log("interrupts: " + interrupts);
  Deno.exit(7);
}, 300);
Deno.addSignalListener("SIGINT", () => {
  interrupts++;
  console.log("interrupted");
  if (interrupts === 1 && ${!untilTerminated}) end();
});
Deno.addSignalListener("SIGTERM", end);
setTimeout(() => Deno.exit(99), 60_000);
console.log("ready");
`;

/** A process with functions that wait for its output. */
class Watched {
  readonly #lines: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(readonly child: Deno.ChildProcess) {
    this.#lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Waits until the process has printed a text. */
  async until(text: string): Promise<void> {
    while (!this.#text.includes(text)) {
      const { done, value } = await this.#lines.read();
      if (done) throw new Error(`it ended without ${text}: ${this.#text}`);
      this.#text += value;
    }
  }

  /** Waits until the process ends. */
  async end(): Promise<[code: number, text: string]> {
    for (;;) {
      const { done, value } = await this.#lines.read();
      if (done) break;
      this.#text += value;
    }
    const [{ code }] = await Promise.all([this.child.status, this.child.stderr.cancel()]);
    return [code, this.#text];
  }
}

/** Starts the launcher in its own process group, as without a terminal. */
async function start(small: SmallProject, program: string): Promise<Watched> {
  await small.write({ "wait.ts": program });
  const args = launcherArguments(small.root, ["run", "wait.ts"]);
  const watched = new Watched(small.command(args, { detached: true }).spawn());
  await watched.until("ready");
  return watched;
}

for (const [signal, code] of [["SIGINT", 5], ["SIGTERM", 6], ["SIGHUP", 7]] as const) {
  Deno.test({
    name: `runDeno() forwards ${signal} and returns the exit code of the child`,
    ignore,
    fn: () =>
      withProject(async (small) => {
        const watched = await start(small, ending);
        watched.child.kill(signal);
        assertEquals(await watched.end(), [code, `ready\n${signal}\n`]);
      }),
  });

  Deno.test({
    name: `runDeno() lets ${signal} end a child that does not listen`,
    ignore,
    fn: () =>
      withProject(async (small) => {
        const watched = await start(small, `console.log("ready"); setTimeout(() => {}, 60_000);`);
        watched.child.kill(signal);
        const ended = 128 + constants.signals[signal];
        assertEquals(await watched.end(), [ended, "ready\n"]);
      }),
  });
}

Deno.test({
  name: "runDeno() kills a child that does not end after a second signal, such as in a busy loop",
  ignore,
  fn: () =>
    withProject(async (small) => {
      const busy = `for (const signal of ["SIGINT", "SIGTERM"]) {
  Deno.addSignalListener(signal, () => {});
}
console.log("ready");
while (true);`;
      const watched = await start(small, busy);
      watched.child.kill("SIGINT");
      watched.child.kill("SIGTERM");
      assertEquals(await watched.end(), [137, "ready\n"]);
    }),
});

Deno.test({
  name: "runDeno() forwards a signal once if it arrives twice in quick succession",
  ignore,
  fn: () =>
    withProject(async (small) => {
      const watched = await start(small, counting(true));
      const started = performance.now();
      watched.child.kill("SIGINT");
      await watched.until("interrupted");
      watched.child.kill("SIGINT");
      const atOnce = performance.now() - started < 900;
      watched.child.kill("SIGTERM");
      const [code, text] = await watched.end();
      // On a machine that pauses for so long, the second signal counts separately.
      if (atOnce) assertEquals([code, text], [7, "ready\ninterrupted\ninterrupts: 1\n"]);
    }),
});

const script = await findCommand("script");

Deno.test({
  name: "runDeno() does not forward Ctrl-C from a terminal, which sends it to the child",
  // Its options differ on other systems.
  ignore: Deno.build.os !== "linux" || script === undefined,
  fn: () =>
    withProject(async (small) => {
      await small.write({ "wait.ts": counting(false) });
      // A shell in between would itself end with code 130 on Ctrl-C.
      const command = `exec '${Deno.execPath()}' task wait`;
      const child = small.command(["-qec", command, "/dev/null"], {
        program: script!,
        stdin: "piped",
      }).spawn();
      const watched = new Watched(child);
      await watched.until("ready");
      const keys = child.stdin.getWriter();
      await keys.write(new Uint8Array([3]));
      const [code, text] = await watched.end();
      await keys.close().catch(() => {});
      assertEquals([code, text.match(/interrupts: \d+/)?.[0]], [7, "interrupts: 1"]);
    }),
});
