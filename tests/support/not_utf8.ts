/**
 * Makes a folder whose name is not valid UTF-8, with a link to `/proc` in it. Deno cannot do it.
 *
 * @param folder The folder that contains it.
 */
export function makeNotUtf8(folder: string): Promise<Deno.CommandStatus> {
  const script =
    `name=$(printf 'bad\\377') && mkdir "$name" && ln -s /proc "$name/p" && ln -s "$name" ok`;
  return new Deno.Command("sh", { args: ["-c", script], cwd: folder }).spawn().status;
}
