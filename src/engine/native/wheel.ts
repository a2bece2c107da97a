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

/** TensorFlow's Python packages that contain the complete C API, by platform. */
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

/** A Python package of TensorFlow, which contains the native library. */
export interface Wheel {
  /** The package's name. */
  readonly name: string;
  /** The platform tag in the package's file name. */
  readonly tag: string;
  /** The SHA-256 of the package's file for Python 3.12. */
  readonly sha256: string;
}

/**
 * Returns TensorFlow's Python package for a platform.
 *
 * @param platform The platform; this one by default.
 * @returns The package.
 * @throws {UserError} If no package with the C API exists for the platform.
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

/** Commands for calling pip. The last one works without Python on the machine. */
const PIPS: readonly (readonly string[])[] = [
  ["python3", "-m", "pip"],
  ["pip3"],
  ["pip"],
  ["python", "-m", "pip"],
  ["uvx", "pip"],
];

/** Finds a working pip and returns its command, with the program as a path. */
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
 * Downloads TensorFlow's Python package and extracts the library and its headers. Any version of
 * Python works, because no code of the package runs.
 *
 * @param wheel The package, from {@linkcode findWheel}.
 * @param folder The folder that receives the library and `include/`.
 * @param progress Shows the progress.
 * @returns The library.
 * @throws {UserError} If the package cannot be downloaded or is not the expected one.
 */
export async function wheelLibrary(
  wheel: Wheel,
  folder: string,
  progress: Progress,
): Promise<Library> {
  const pip = await findPip();
  if (pip === undefined) {
    throw new UserError("pip, which is needed to download TensorFlow, was not found", {
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
    if (file === undefined) {
      throw new UserError("pip finished without an error but downloaded no TensorFlow package");
    }
    await refuseOther(file, wheel.sha256);
    return await unpackWheel(file, folder, progress);
  } finally {
    await remove(download);
  }
}

/**
 * Downloads the wheel with pip. pip's temporary files go to the same folder, so that only one place
 * needs cleaning up.
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
    // The native code is the same for all versions of Python, so any version of the package works.
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
    throw new UserError(
      "TensorFlow cannot be downloaded because pip cannot reach the package index",
      {
        hint: hint(
          "native/network",
          "connect to the network for the first run, or configure pip to use a mirror",
          { edit: "the network" },
        ),
      },
    );
  }
  throw new UserError(`pip cannot download TensorFlow: ${error}`, {
    hint: hint(
      "native/download",
      `run \`pip download ${name}==${TENSORFLOW_VERSION}\` to see why, ` +
        "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library",
      { edit: "the variable ROCKET_TENSORFLOW" },
    ),
  });
}

/** Throws an error if a file is not the published one. */
async function refuseOther(path: string, sha256: string): Promise<void> {
  const { sha256: found } = await hashOf(path);
  if (found === sha256) return;
  throw new UserError(
    `the downloaded TensorFlow package is not the published one: its SHA-256 is ${found}; expected ${sha256}`,
    {
      hint: hint(
        "native/hash",
        "a proxy or mirror changed the file on its way: use another network, " +
          "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library that you trust",
        { edit: "the variable ROCKET_TENSORFLOW" },
      ),
    },
  );
}

/** The maximum number of bytes to extract, more than any version of TensorFlow needs. */
const maxBytes = 4 * 2 ** 30;

/**
 * Extracts the needed files from a wheel, which is a zip file. It writes nothing outside the
 * folder, does not overwrite files, and extracts no more bytes than the wheel declares.
 *
 * @param wheel The wheel's file.
 * @param folder The folder that receives the library and `include/`.
 * @param progress Shows the progress.
 * @returns The library.
 * @throws {UserError} If the wheel does not have the expected content.
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
    throw new UserError(
      `the TensorFlow files in ${
        basename(wheel)
      } have ${total} bytes in all, more than any version of TensorFlow needs`,
    );
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
  // The C API comes first; the framework is its dependency.
  const files = entries.map(({ path }) => path).filter((path) => !path.includes("/")).sort();
  if (files.length === 0) {
    throw new UserError(`${wheel} contains no TensorFlow library for this platform`);
  }
  return { files: files.map((name) => join(folder, name)), include: join(folder, "include") };
}

/** Creates a stream that fails if it receives more bytes than declared. */
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
      if (left < 0) {
        throw new UserError(
          `the file ${path} in TensorFlow's package is longer than the ${bytes} bytes that the package declares`,
        );
      }
      await writer.write(part);
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}

/** Lets zip.js read a file in pieces instead of as a whole. */
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
