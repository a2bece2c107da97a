/**
 * Rocket trains a light net together with a booster net ("Rocket Launching", arXiv:1708.04106), from
 * pipeline files whose every part is a stage that anyone can write.
 *
 * @module
 */

export * from "./plugin.ts";
