import { runCommand } from "../../src/engine/native/command.ts";

/** Whether a small disk can be mounted here: by root on Linux, where nothing forbids it. */
const canMount = await (async () => {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const folder = await Deno.makeTempDir({ prefix: "rocket-disk-" });
  const mounted = await mount(folder, "size=64k");
  if (mounted) await unmount(folder);
  await Deno.remove(folder);
  return mounted;
})();

/**
 * Declares a test with a disk of its own; it is ignored where none can be mounted.
 *
 * @param name The test's name.
 * @param kilobytes The size of the disk.
 * @param test The test; it is given a folder on that disk.
 */
export function onSmallDisk(
  name: string,
  kilobytes: number,
  test: (folder: string, remount: (options: string) => Promise<void>) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !canMount,
    fn: async () => {
      const folder = await Deno.makeTempDir({ prefix: "rocket-disk-" });
      await mount(folder, `size=${kilobytes}k`);
      try {
        await test(folder, async (options) => void await mount(folder, `remount,${options}`));
      } finally {
        await unmount(folder);
        await Deno.remove(folder);
      }
    },
  });
}

async function mount(folder: string, options: string): Promise<boolean> {
  return (await runCommand(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder])).success;
}

async function unmount(folder: string): Promise<void> {
  await runCommand(["umount", folder]);
}
