import { assertEquals } from "@std/assert";
import { sessionConfig } from "../../src/engine/session_config.ts";

// The bytes are those that Python's tensorflow.core.protobuf.config_pb2 writes for the same values.
Deno.test("sessionConfig() hides all GPUs from TensorFlow by default", () => {
  assertEquals([...sessionConfig({})], [10, 7, 10, 3, 71, 80, 85, 16, 0]);
});

Deno.test("sessionConfig() shows one GPU, whose memory grows, and allows operations on the CPU", () => {
  assertEquals([...sessionConfig({ gpu: 1 })], [50, 5, 32, 1, 42, 1, 49, 56, 1]);
});

Deno.test("sessionConfig() names the leader of a cluster, and uses NCCL between GPUs", () => {
  const leader = "/job:worker/replica:0/task:0", name = [...new TextEncoder().encode(leader)];
  assertEquals([...sessionConfig({ leader })], [
    ...[10, 7, 10, 3, 71, 80, 85, 16, 0],
    ...[56, 1, 130, 1, 30, 10, 28, ...name],
  ]);
  assertEquals([...sessionConfig({ gpu: 0, leader: "/job:w" })], [
    ...[50, 5, 32, 1, 42, 1, 48, 56, 1],
    ...[130, 1, 10, 10, 6, 47, 106, 111, 98, 58, 119, 56, 1],
  ]);
});
