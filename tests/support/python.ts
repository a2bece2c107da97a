/** Whether this machine has Python. */
export const hasPython: boolean = await new Deno.Command("python3", { args: ["--version"] })
  .output().then(({ success }) => success, () => false);
