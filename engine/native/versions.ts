import { version_core } from "@tensorflow/tfjs";

/** The TensorFlow that is fetched where none is at hand. */
export const TENSORFLOW_VERSION = "2.21.0";

/** The version of tfjs, and of tfjs-node, which are one. */
export const TFJS_VERSION: string = version_core;

/** The platform that an addon is for, such as `linux-x86_64`. */
export const PLATFORM: string = `${Deno.build.os}-${Deno.build.arch}`;
