import { basename, resolve } from "node:path";
import { isIP } from "node:net";
import { UserError } from "../base/errors.ts";
import { quoted } from "../base/quoted.ts";
import { print, say, sayAfterKey } from "../base/terminal.ts";
import { inOneLine } from "../base/printable.ts";
import { DEFAULT_HOST, DEFAULT_PORT } from "../launch/command_line/grammar.ts";
import { type CommandOptions, onlyArgument } from "../launch/command_line/options.ts";
import type { LoadedModel } from "../model/model.ts";
import { openModel } from "../model/load_model.ts";
import { faultLine } from "../serve/fault_line.ts";
import { ServeHandler } from "../serve/handler.ts";
import { defaultLimits } from "../serve/limits.ts";
import { startServer } from "../serve/server.ts";
import { takeEnd } from "./ending.ts";
import { INTERRUPTED, onSignal } from "./interruption.ts";

const endProcess: (code: number) => never = takeEnd();

/** The permissions that a server no longer needs when the net is loaded. */
const LOADING = ["read", "write", "env", "sys", "ffi", "run", "import"] as const;

/** The time in milliseconds during which a repeated signal counts as the same one. */
const ECHO = 1_000;

/**
 * `deno task pipeline serve RUN`: serves predictions of a trained net over HTTP until the process
 * receives a signal.
 *
 * @param args The run folder or export folder.
 * @param options The command line's options.
 * @returns The exit code: 0 after the first signal, when all requests are answered.
 */
export async function serve(args: readonly string[], options: CommandOptions): Promise<number> {
  const folder = onlyArgument(args, "a run folder or an export folder");
  const { net, checkpoint, modelEngine: engine, device, allowPlugins, quiet } = options;
  const { loaded, model } = await openModel(folder, {
    ...(net && { net }),
    ...(checkpoint !== undefined && { checkpoint }),
    ...(engine && { engine }),
    ...(device && { device }),
    allowPlugins,
  });
  await using _ = loaded;
  const name = basename(resolve(folder));
  const handler = new ServeHandler(
    { name, loaded, model },
    (error) => say(`error: ${faultLine(error)}`),
  );
  await warmUp(loaded);
  // What is received from now on can at most use the network address.
  for (const name of LOADING) await Deno.permissions.revoke({ name } as Deno.PermissionDescriptor);
  const hostname = options.host ?? DEFAULT_HOST;
  const server = startServer(handler, {
    ...{ hostname, port: options.port ?? DEFAULT_PORT, limits: defaultLimits },
    onListen: (port) => print(listeningLine(name, hostname, port, loaded)),
    onWarning: (line) => say(`warning: ${inOneLine(line)}`),
  });
  onSignal(() => {
    // A group of processes may receive a signal that the launcher also passes on.
    onSignal(() => {});
    setTimeout(() => onSignal(() => endProcess(INTERRUPTED)), ECHO);
    if (!quiet) {
      sayAfterKey("stopping when all requests are answered; another signal stops at once");
    }
    server.stop();
  });
  await server.finished;
  return 0;
}

/** Computes some rows before the first request arrives, since engines prepare in their first call. */
async function warmUp(loaded: LoadedModel): Promise<void> {
  try {
    await loaded.compute([loaded.decode(loaded.sample().slice(0, 1), 0)]);
  } catch (error) {
    // Transforms may refuse rows that were not taken from data.
    if (!(error instanceof UserError)) throw error;
  }
}

/** Describes where the server listens, with a command that works when it is copied. */
function listeningLine(
  name: string,
  hostname: string,
  port: number,
  { net, engine }: { readonly net: string | undefined; readonly engine: string },
): string {
  // The addresses for all networks are not addresses to connect to.
  const own = hostname === "0.0.0.0" ? "127.0.0.1" : hostname === "::" ? "::1" : hostname;
  const host = isIP(own) === 6 ? `[${own}]` : own;
  const address = `http://${host}:${port}/v2/models/${encodeURIComponent(name)}`;
  const example = quoted(`${address}/example`), infer = quoted(`${address}/infer`);
  const what = net === undefined ? engine : `${net} net, ${engine}`;
  return `serving ${address} (${what}); try: curl -s ${example} | ` +
    `curl -s ${infer} -H 'content-type: application/json' -d @-`;
}
