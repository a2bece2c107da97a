import { packageVersion } from "../../base/package.ts";

/** The version of TensorFlow that is downloaded if none is found on the machine. */
export const TENSORFLOW_VERSION = "2.21.0";

/**
 * The version of tfjs and tfjs-node, which are released together. It is read from `deno.json`,
 * which pins it, so that looking for a build does not load tfjs.
 */
export const TFJS_VERSION: string = packageVersion("@tensorflow/tfjs");

/**
 * The operating system and processor of this machine, for which the native engine's addon must be
 * built, such as `linux-x86_64`.
 */
export const PLATFORM: string = `${Deno.build.os}-${Deno.build.arch}`;
