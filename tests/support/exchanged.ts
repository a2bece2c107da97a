import { basename } from "node:path";

/**
 * Exchanges a file as soon as it was opened for the first time: whoever has opened it reads the old
 * content, and whoever opens it again reads the new one. Puts the old file back at the end.
 */
export async function exchanged(
  path: string,
  content: Uint8Array,
  body: (isExchanged: () => boolean) => Promise<void>,
): Promise<void> {
  const { open } = Deno, old = await Deno.readFile(path);
  let isExchanged = false;
  const replace = async (bytes: Uint8Array) => {
    const draft = `${path}.${basename(path)}.draft`;
    await Deno.writeFile(draft, bytes);
    await Deno.rename(draft, path);
  };
  Deno.open = async (...args) => {
    const file = await open(...args);
    if (args[0] === path && !isExchanged) {
      isExchanged = true;
      await replace(content);
    }
    return file;
  };
  try {
    await body(() => isExchanged);
  } finally {
    Deno.open = open;
    await replace(old);
  }
}
