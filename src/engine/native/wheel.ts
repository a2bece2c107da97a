import { Reader, ZipReader } from "@zip.js/zip.js";
import { basename, dirname, join } from "node:path";
import { hashOf } from "../../base/files/hash_of.ts";
import { pathInside } from "../../base/files/inside.ts";
import { UserError } from "../../base/errors.ts";
import { hint } from "../../base/hints.ts";
import { findCommand, runCommand } from "./command.ts";
import { bytesUnder, filesUnder, remove } from "./files.ts";
import { isNeeded, type Library } from "./library.ts";
import type { Progress } from "./progress.ts";
import { PLATFORM, TENSORFLOW_VERSION } from "./versions.ts";

/** TensorFlow's Python packages that hold the whole C API, by platform. */
const WHEELS: Readonly<Record<string, Wheel>> = {
  "linux-x86_64": {
    name: "tensorflow-cpu",
    tag: "manylinux_2_27_x86_64",
    sha256: "dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb",
  },
  "linux-aarch64": {
    name: "tensorflow",
    tag: "manylinux_2_27_aarch64",
    sha256: "b07d15737406533898e36c7ef7944b1be18e9028dc521b9229952c537bbc5552",
  },
  "darwin-aarch64": {
    name: "tensorflow",
    tag: "macosx_12_0_arm64",
    sha256: "56ecd7d47429acbe1df2694d50b75bf9fc3995ac92cb367cd9af6c4780ead712",
  },
};

/** A Python package of TensorFlow. */
export interface Wheel {
  /** The package's name. */
  readonly name: string;
  /** The platform's tag. */
  readonly tag: string;
  /** The SHA-256 of its file for Python 3.12. */
  readonly sha256: string;
}

/**
 * TensorFlow's Python package for a platform.
 *
 * @param platform The platform; this one by default.
 * @returns The package.
 * @throws {UserError} If there is none with the C API.
 */
export function findWheel(platform: string = PLATFORM): Wheel {
  const wheel = WHEELS[platform];
  if (wheel !== undefined) return wheel;
  throw new UserError(`TensorFlow's Python package has no C library for ${platform}`, {
    hint: hint(
      "native/platform",
      "set ROCKET_TENSORFLOW to a folder with TensorFlow's C library for this platform",
      { edit: "the variable ROCKET_TENSORFLOW" },
    ),
  });
}

/** Ways to call pip; the last needs no Python on the machine. */
const PIPS: readonly (readonly string[])[] = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
  ["python", "-m", "pip"],
  ["uvx", "pip"],
];

/** Finds a pip that works; the program is given as a path. */
async function findPip(): Promise<string[] | undefined> {
  for (const [name = "", ...args] of PIPS) {
    const program = await findCommand(name);
    if (program === undefined) continue;
    const command = [program, ...args];
    if ((await runCommand([...command, "--version"])).success) return command;
  }
  return undefined;
}

/**
 * Fetches TensorFlow's Python package and takes the library and its headers out of it. Any version
 * of Python will do, as nothing of the package is run.
 *
 * @param wheel The package, from {@linkcode findWheel}.
 * @param folder The folder that gets the library, and `include/`.
 * @param progress Is told how far it is.
 * @returns The library.
 * @throws {UserError} If the package cannot be fetched or is not as expected.
 */
export async function wheelLibrary(
  wheel: Wheel,
  folder: string,
  progress: Progress,
): Promise<Library> {
  const pip = await findPip();
  if (pip === undefined) {
    throw new UserError("pip, which fetches TensorFlow, was not found", {
      hint: hint(
        "native/pip",
        "install Python with pip (Debian, Ubuntu: `apt install python3-pip`) or uv, " +
          "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library",
        { edit: "the programs of the machine" },
      ),
    });
  }
  const download = join(folder, "download");
  await Deno.mkdir(download);
  try {
    await fetchWheel(pip, wheel, download, progress);
    const file = (await filesUnder(download)).find((path) => path.endsWith(".whl"));
    if (file === undefined) throw new UserError("pip fetched no package of TensorFlow");
    await refuseOther(file, wheel.sha256);
    return await unpackWheel(file, folder, progress);
  } finally {
    await remove(download);
  }
}

/**
 * Has pip fetch the wheel into a folder, its temporary files too, so that one place is to clear.
 */
async function fetchWheel(
  pip: readonly string[],
  { name, tag }: Wheel,
  folder: string,
  progress: Progress,
): Promise<void> {
  const label = `downloading TensorFlow ${TENSORFLOW_VERSION}`;
  progress.begin(`finding TensorFlow ${TENSORFLOW_VERSION}`);
  const timer = setInterval(async () => progress.update(await bytesUnder(folder) / 1e6), 250);
  const { success, output } = await runCommand([
    ...pip,
    "download",
    `${name}==${TENSORFLOW_VERSION}`,
    ...["--no-deps", "--only-binary", ":all:", "--platform", tag, "--dest", folder],
    // One build for all that is not Python's own, so take any that the package has.
    ...["--implementation", "cp", "--python-version", "3.12", "--abi", "cp312"],
    ...["--no-cache-dir", "--no-input", "--progress-bar", "off", "--retries", "2"],
  ], {
    env: { TMPDIR: folder, PIP_DISABLE_PIP_VERSION_CHECK: "1" },
    onLine(line) {
      const size = /Downloading .*\(([\d.]+) MB\)/.exec(line)?.[1];
      if (size !== undefined) {
        progress.begin(`${label} (${Math.round(Number(size))} MB)`, Number(size));
      }
    },
  }).finally(() => clearInterval(timer));
  if (success) return;
  const error = output.split("\n").find((line) => line.startsWith("ERROR:"))?.slice(7) ??
    output.trim();
  if (/NewConnectionError|name resolution|Max retries|Connection/.test(output)) {
    throw new UserError("TensorFlow cannot be fetched: the package index cannot be reached", {
      hint: hint(
        "native/network",
        "connect to the network, or set up pip for a mirror, for the first run",
        { edit: "the network" },
      ),
    });
  }
  throw new UserError(`pip cannot fetch TensorFlow: ${error}`, {
    hint: hint(
      "native/download",
      `try \`pip download ${name}==${TENSORFLOW_VERSION}\` by hand, ` +
        "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library",
      { edit: "the variable ROCKET_TENSORFLOW" },
    ),
  });
}

/** Refuses a file that is not the published one. */
async function refuseOther(path: string, sha256: string): Promise<void> {
  const { sha256: found } = await hashOf(path);
  if (found === sha256) return;
  throw new UserError(
    `TensorFlow's Python package is not the published one: its SHA-256 is ${found}, not ${sha256}`,
    {
      hint: hint(
        "native/hash",
        "something on the way to the package index changes files: fetch it over another network, " +
          "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library that you trust",
        { edit: "the variable ROCKET_TENSORFLOW" },
      ),
    },
  );
}

/** More bytes than the needed files of any TensorFlow have. */
const maxBytes = 4 * 2 ** 30;

/**
 * Takes the needed files out of a wheel, which is a zip file. Nothing is written outside of the
 * folder or over a file that is there, and no more than the wheel says.
 *
 * @param wheel The wheel's file.
 * @param folder The folder that gets the library, and `include/`.
 * @param progress Is told how far it is.
 * @returns The library.
 * @throws {UserError} If the wheel is not as expected.
 */
export async function unpackWheel(
  wheel: string,
  folder: string,
  progress: Progress,
): Promise<Library> {
  using file = await Deno.open(wheel);
  const zip = new ZipReader(new FileReader(file), { useWebWorkers: false });
  const entries = (await zip.getEntries()).flatMap((entry) => {
    const path = entry.filename.replace(/^tensorflow\//, "");
    return !entry.directory && isNeeded(path) ? [{ entry, path }] : [];
  });
  const total = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  if (total > maxBytes) {
    throw new UserError(`${basename(wheel)} says that it holds ${total} bytes of TensorFlow`);
  }
  progress.begin("unpacking the library", total / 1e6);
  let done = 0;
  for (const { entry, path } of entries) {
    const target = pathInside(folder, path);
    await Deno.mkdir(dirname(target), { recursive: true });
    const { writable } = await Deno.open(target, { createNew: true, write: true });
    await entry.getData(atMost(entry.uncompressedSize, path, writable), {
      onprogress: (bytes) =>
        progress.update((done + bytes * entry.uncompressedSize / entry.compressedSize) / 1e6),
    });
    done += entry.uncompressedSize;
  }
  await zip.close();
  // The C API first; the framework is what it needs.
  const files = entries.map(({ path }) => path).filter((path) => !path.includes("/")).sort();
  if (files.length === 0) throw new UserError(`${wheel} holds no TensorFlow library`);
  return { files: files.map((name) => join(folder, name)), include: join(folder, "include") };
}

/** A stream that fails when there is more than was said. */
function atMost(
  bytes: number,
  path: string,
  to: WritableStream<Uint8Array<ArrayBufferLike>>,
): WritableStream<Uint8Array<ArrayBufferLike>> {
  const writer = to.getWriter();
  let left = bytes;
  return new WritableStream({
    async write(part) {
      left -= part.length;
      if (left < 0) throw new UserError(`${path} is longer than its ${bytes} bytes`);
      await writer.write(part);
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

/** Lets zip.js read a file piece by piece instead of whole. */
class FileReader extends Reader<Deno.FsFile> {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    super(file);
    this.#file = file;
    this.size = file.statSync().size;
  }

  override async readUint8Array(index: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(Math.min(length, this.size - index));
    await this.#file.seek(index, Deno.SeekMode.Start);
    let filled = 0;
    while (filled < bytes.length) {
      const count = await this.#file.read(bytes.subarray(filled));
      if (count === null) throw new Error("the file ended early");
      filled += count;
    }
    return bytes;
  }
}
