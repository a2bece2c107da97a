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

/** A Python package with native libraries, such as that of TensorFlow. */
export interface Wheel {
  /** The package's name. */
  readonly name: string;
  /** The package's version; {@linkcode TENSORFLOW_VERSION} by default. */
  readonly version?: string;
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

/**
 * Finds a working pip.
 *
 * @returns Its command, with the program as a path.
 * @throws {UserError} If none is found.
 */
export async function findPip(): Promise<string[]> {
  for (const [name = "", ...args] of PIPS) {
    const program = await findCommand(name);
    if (program === undefined) continue;
    const command = [program, ...args];
    if ((await runCommand([...command, "--version"])).success) return command;
  }
  throw new UserError("pip, which is needed to download TensorFlow, was not found", {
    hint: hint(
      "native/pip",
      "install Python with pip (Debian, Ubuntu: `apt install python3-pip`) or uv, " +
        "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library",
      { edit: "the programs of the machine" },
    ),
  });
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
  return await withWheel(
    await findPip(),
    wheel,
    folder,
    progress,
    (file) => unpackWheel(file, folder, progress),
  );
}

/**
 * Downloads a Python package, checks its hash, and removes it after its use.
 *
 * @typeParam T What is made of the package.
 * @param pip The command of pip, from {@linkcode findPip}.
 * @param wheel The package.
 * @param folder The folder in which the package is kept until it has been used.
 * @param progress Shows the progress.
 * @param use Uses the package's file.
 * @returns What `use` returns.
 * @throws {UserError} If the package cannot be downloaded or is not the expected one.
 */
export async function withWheel<T>(
  pip: readonly string[],
  wheel: Wheel,
  folder: string,
  progress: Progress,
  use: (file: string) => Promise<T>,
): Promise<T> {
  const download = join(folder, "download");
  await Deno.mkdir(download);
  try {
    await fetchWheel(pip, wheel, download, progress);
    const file = (await filesUnder(download)).find((path) => path.endsWith(".whl"));
    if (file === undefined) {
      throw new UserError(
        `pip finished without an error but downloaded no ${labelOf(wheel)} package`,
      );
    }
    await refuseOther(file, wheel);
    return await use(file);
  } finally {
    await remove(download);
  }
}

/** Names a package in messages. */
const labelOf = ({ name }: Wheel) => /^tensorflow(-cpu)?$/.test(name) ? "TensorFlow" : name;

/**
 * Downloads the wheel with pip. pip's temporary files go to the same folder, so that only one place
 * needs cleaning up.
 */
async function fetchWheel(
  pip: readonly string[],
  wheel: Wheel,
  folder: string,
  progress: Progress,
): Promise<void> {
  const { name, version = TENSORFLOW_VERSION, tag } = wheel, shown = labelOf(wheel);
  const label = `downloading ${shown} ${version}`;
  progress.begin(`finding ${shown} ${version}`);
  const timer = setInterval(async () => progress.update(await bytesUnder(folder) / 1e6), 250);
  const { success, output } = await runCommand([
    ...pip,
    "download",
    `${name}==${version}`,
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
      `${shown} cannot be downloaded because pip cannot reach the package index`,
      {
        hint: hint(
          "native/network",
          "connect to the network for the first run, or configure pip to use a mirror",
          { edit: "the network" },
        ),
      },
    );
  }
  throw new UserError(`pip cannot download ${shown}: ${error}`, {
    hint: hint(
      "native/download",
      `run \`pip download ${name}==${version}\` to see why, ` +
        "or set ROCKET_TENSORFLOW to a folder with TensorFlow's C library",
      { edit: "the variable ROCKET_TENSORFLOW" },
    ),
  });
}

/** Throws an error if a file is not the published one. */
async function refuseOther(path: string, wheel: Wheel): Promise<void> {
  const { sha256 } = wheel;
  const { sha256: found } = await hashOf(path);
  if (found === sha256) return;
  throw new UserError(
    `the downloaded ${
      labelOf(wheel)
    } package is not the published one: its SHA-256 is ${found}; expected ${sha256}`,
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
 * Extracts TensorFlow's library and the headers that are needed from a wheel.
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
  const paths = await unpackFiles(wheel, folder, progress, "unpacking the library", (name) => {
    const path = name.replace(/^tensorflow\//, "");
    return isNeeded(path) ? path : undefined;
  });
  // The C API comes first; the framework is its dependency.
  const files = paths.filter((path) => !path.includes("/")).sort();
  if (files.length === 0) {
    throw new UserError(`${wheel} contains no TensorFlow library for this platform`);
  }
  return { files: files.map((name) => join(folder, name)), include: join(folder, "include") };
}

/**
 * Extracts files from a wheel, which is a zip file. It writes nothing outside the folder, does not
 * overwrite files, and extracts no more bytes than the wheel declares.
 *
 * @param wheel The wheel's file.
 * @param folder The folder that receives the files.
 * @param progress Shows the progress.
 * @param label What the progress is called.
 * @param pathOf Returns the path in the folder for the name of a file in the wheel; undefined for a
 *   file that is not needed.
 * @returns The paths in the folder.
 * @throws {UserError} If the wheel does not have the expected content.
 */
export async function unpackFiles(
  wheel: string,
  folder: string,
  progress: Progress,
  label: string,
  pathOf: (name: string) => string | undefined,
): Promise<string[]> {
  using file = await Deno.open(wheel);
  const zip = new ZipReader(new FileReader(file), { useWebWorkers: false });
  const entries = (await zip.getEntries()).flatMap((entry) => {
    const path = entry.directory ? undefined : pathOf(entry.filename);
    return entry.directory || path === undefined ? [] : [{ entry, path }];
  });
  const total = entries.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
  if (total > maxBytes) {
    throw new UserError(
      `the TensorFlow files in ${
        basename(wheel)
      } have ${total} bytes in all, more than any version of TensorFlow needs`,
    );
  }
  progress.begin(label, total / 1e6);
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
  return entries.map(({ path }) => path);
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
