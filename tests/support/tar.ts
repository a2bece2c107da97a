const block = 512;

/**
 * A tar archive in the POSIX form.
 *
 * @param files The files' bytes by their names.
 */
export function tarOf(files: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(files).flatMap(([name, bytes]) => {
    const content = new Uint8Array(Math.ceil(bytes.length / block) * block);
    content.set(bytes);
    return [tarHeader(name, bytes.length, "0"), content];
  });
  return joined([...parts, new Uint8Array(2 * block)]);
}

/**
 * The header of an entry.
 *
 * @param name Its name.
 * @param size The bytes that follow.
 * @param type Its type: 0 for a file, 5 for a folder, 2 for a link.
 */
export function tarHeader(name: string, size: number, type: string): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(block);
  const write = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
  write(name, 0);
  write("0000644", 100);
  write(size.toString(8).padStart(11, "0"), 124);
  write(" ".repeat(8), 148);
  write(type, 156);
  write("ustar\x0000", 257);
  const sum = header.reduce((sum, byte) => sum + byte, 0);
  write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/**
 * Bytes one after another.
 *
 * @param parts The bytes.
 */
export function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  parts.reduce((start, part) => (result.set(part, start), start + part.length), 0);
  return result;
}

/**
 * Bytes packed with gzip.
 *
 * @param bytes The bytes.
 */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).bytes();
}
