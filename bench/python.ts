/**
 * A Python with PyTorch for the peers, in a virtual environment that is made the first time.
 *
 * @param folder Where the environment is kept.
 * @returns The Python program, or `undefined` where it cannot be had; a word says why.
 */
export async function peersPython(folder: URL): Promise<string | undefined> {
  const given = Deno.env.get("ROCKET_BENCH_PYTHON");
  if (given) return given;
  const python = new URL("bin/python", folder).pathname;
  if (await succeeds(python, ["-c", "import torch"])) return python;
  console.error("setting up PyTorch for the peers: this downloads some gigabytes, once");
  const made = await succeeds("python3", ["-m", "venv", folder.pathname]) &&
    await succeeds(python, ["-m", "pip", "install", "--quiet", "torch==2.15.0", "numpy"]);
  if (made) return python;
  console.error("the peers are skipped: python3 with venv, pip and the network are needed once");
  return undefined;
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(command, { args, stdout: "null", stderr: "null" })
      .output();
    return success;
  } catch {
    return false;
  }
}
