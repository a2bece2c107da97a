/**
 * Operations in which all processes of a cluster take part. All processes have to call the same
 * operations in the same order.
 *
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { collectiveKey, othersAreLeftOut } from "../capture/collective.ts";
import { isRecording } from "../capture/recorder.ts";
import { nativeOp } from "../ops/native_op.ts";
import type { ListLength } from "./row_lists.ts";

/**
 * The largest message in bytes. TensorFlow sends the parts of a large tensor one after another, and
 * several messages at the same time.
 */
const BUCKET = 4 * 2 ** 20;

/** The number of the only group of processes: all of them. */
const GROUP = 1;

const FLOAT_BYTES = 4;

/** The collective operations of a cluster. */
export class Collectives {
  /** The number of processes. */
  readonly size: number;
  /** The number of this process. */
  readonly rank: number;

  /**
   * Creates the operations.
   *
   * @param size The number of processes.
   * @param rank The number of this process.
   */
  constructor(size: number, rank: number) {
    this.size = size;
    this.rank = rank;
  }

  /**
   * Adds tensors of all processes. All processes get the same bytes.
   *
   * @param tensors The tensors, float32. All processes pass the same shapes.
   * @param name A name that no other call in the same function has.
   * @returns The sums, in the order of the tensors.
   */
  sums(tensors: readonly tf.Tensor[], name: string): tf.Tensor[] {
    return tf.tidy(() => {
      const flat = tensors.map((tensor) => tf.reshape(tensor, [-1]));
      const buckets = bucketsOf(flat.map(({ size }) => size));
      const whole = buckets.map((pieces, index) => {
        const parts = pieces.map(({ tensor, from, size }) =>
          size === flat[tensor]!.size ? flat[tensor]! : tf.slice(flat[tensor]!, [from], [size])
        );
        return this.#reduce(parts.length === 1 ? parts[0]! : tf.concat(parts), `${name} ${index}`);
      });
      const summed = tensors.map((): tf.Tensor[] => []);
      buckets.forEach((pieces, index) => {
        const parts = pieces.length === 1
          ? [whole[index]!]
          : tf.split(whole[index]!, pieces.map(({ size }) => size));
        pieces.forEach(({ tensor }, at) => summed[tensor]!.push(parts[at]!));
      });
      return tensors.map(({ shape }, index) => {
        const parts = summed[index]!;
        if (parts.length === 0) return tf.zeros(shape);
        return tf.reshape(parts.length === 1 ? parts[0]! : tf.concat(parts), shape);
      });
    });
  }

  /**
   * Adds a tensor of all processes, in one message. Unlike {@linkcode sums}, the number of operations
   * does not depend on the size.
   *
   * @param tensor The tensor, float32. All processes pass the same shape.
   * @param name A name that no other call in the same function has.
   * @returns The sum.
   */
  sum<T extends tf.Tensor>(tensor: T, name: string): T {
    return this.#reduce(tensor, name) as T;
  }

  /**
   * Joins tensors of all processes along their first axis, in the order of the processes.
   *
   * @param tensor The tensor, float32 or int32. All processes pass the same shape.
   * @param name A name that no other call in the same function has.
   */
  gather<T extends tf.Tensor>(tensor: T, name: string): T {
    return this.#run("CollectiveGatherV2", tensor, name, {}) as T;
  }

  /**
   * Joins lists of rows of all processes, like {@linkcode gather}. In a graph, their length may be
   * another one in each step.
   *
   * @param list The rows, float32 or int32, as many as `length` says.
   * @param length The length of the lists of all processes.
   * @param name A name that no other call in the same function has.
   */
  gatherLists<T extends tf.Tensor>(list: T, length: ListLength, name: string): T {
    return this.#run("CollectiveGatherV2", list, name, {}, length) as T;
  }

  /**
   * Adds tensors of all processes, like {@linkcode sum}, whose number of rows depends on the length
   * of lists.
   *
   * @param tensor The tensor, float32.
   * @param length The length of the lists of all processes.
   * @param name A name that no other call in the same function has.
   */
  sumOfLists<T extends tf.Tensor>(tensor: T, length: ListLength, name: string): T {
    return this.#reduce(tensor, name, length) as T;
  }

  /**
   * Sends a tensor of the first process to all others. It cannot be captured.
   *
   * @param tensor The tensor; in other processes, one with the same type and shape.
   * @param name The name of the call.
   * @returns The tensor of the first process.
   */
  broadcast<T extends tf.Tensor>(tensor: T, name: string): T {
    const { dtype, shape } = tensor;
    const isSender = this.rank === 0;
    return tf.tidy(() =>
      nativeOp(
        isSender ? "CollectiveBcastSendV2" : "CollectiveBcastRecvV2",
        {
          T: { type: dtype },
          ...isSender ? {} : { Tshape: { type: "int32" } as const },
          communication_hint: { string: "auto" },
          timeout_seconds: { float: 0 },
        },
        [
          ...isSender ? [tensor] : [],
          ...this.#identity(tf.scalar(collectiveKey(name, shape), "int32")),
          ...isSender ? [] : [tf.tensor1d(shape, "int32")],
        ],
        1,
      )[0]!
    ) as T;
  }

  /** The inputs by which processes recognize an operation as the same. */
  #identity(key: tf.Scalar): tf.Tensor[] {
    return [...[this.size, GROUP].map((value) => tf.scalar(value, "int32")), key];
  }

  #reduce(tensor: tf.Tensor, name: string, length?: ListLength): tf.Tensor {
    const attributes = {
      merge_op: { string: "Add" },
      final_op: { string: "Id" },
      max_subdivs_per_device: { int: -1 },
    };
    return this.#run("CollectiveReduceV2", tensor, name, attributes, length);
  }

  #run(
    op: string,
    tensor: tf.Tensor,
    name: string,
    attributes: Parameters<typeof nativeOp>[1],
    length?: ListLength,
  ): tf.Tensor {
    if (othersAreLeftOut()) {
      return op === "CollectiveGatherV2"
        ? tf.concat(Array<tf.Tensor>(this.size).fill(tensor))
        : tf.clone(tensor);
    }
    return tf.tidy(() => {
      const key = length ? keyOfLists(name, length) : keyOfShape(name, tensor.shape);
      return nativeOp(
        op,
        {
          T: { type: tensor.dtype },
          communication_hint: { string: "auto" },
          timeout_seconds: { float: 0 },
          is_stateless: { bool: false },
          Nordering_token: { int: 0 },
          ...attributes,
        },
        [tensor, ...this.#identity(key)],
        1,
      )[0]!;
    });
  }
}

/**
 * Returns the key of an operation on tensors of one shape. TensorFlow wants another key for another
 * shape. The recorder adds the shape itself, because trial traces have other shapes than the graph.
 */
const keyOfShape = (name: string, shape: readonly number[]) =>
  tf.scalar(collectiveKey(name, isRecording() ? undefined : shape), "int32");

/** Returns the key of an operation on lists, which the graph computes: another one for each length. */
const keyOfLists = (name: string, { steps }: ListLength): tf.Scalar =>
  tf.add(tf.scalar(collectiveKey(name) >>> 1, "int32"), steps);

/** A part of a flat tensor. */
interface Piece {
  readonly tensor: number;
  readonly from: number;
  readonly size: number;
}

/** Distributes tensors over messages, in order; a tensor larger than a message is divided. */
function bucketsOf(sizes: readonly number[]): Piece[][] {
  const most = BUCKET / FLOAT_BYTES, buckets: Piece[][] = [];
  let left = 0;
  sizes.forEach((whole, tensor) => {
    for (let from = 0; from < whole;) {
      if (left === 0) {
        buckets.push([]);
        left = most;
      }
      const size = Math.min(left, whole - from);
      buckets.at(-1)!.push({ tensor, from, size });
      from += size;
      left -= size;
    }
  });
  return buckets;
}
