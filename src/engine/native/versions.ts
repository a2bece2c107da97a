import { packageVersion } from "../../base/package.ts";

/** The TensorFlow that is fetched where none is at hand. */
export const TENSORFLOW_VERSION = "2.21.0";

/**
 * The version of tfjs, and of tfjs-node, which are one; read where it is pinned, as whoever looks
 * for a build should not have to load tfjs.
 */
export const TFJS_VERSION: string = packageVersion("@tensorflow/tfjs");

/** The platform that an addon is for, such as `linux-x86_64`. */
export const PLATFORM: string = `${Deno.build.os}-${Deno.build.arch}`;
