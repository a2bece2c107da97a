import type * as tf from "@tensorflow/tfjs";
import { Collectives } from "../../src/engine/cluster/collectives.ts";
import type { ListLength } from "../../src/engine/cluster/row_lists.ts";

/** All exchanged values have 4 bytes: float32 or int32. */
const BYTES = 4;

/** Collective operations that count the bytes that this process contributes. */
export class CountingCollectives extends Collectives {
  /** The bytes of all tensors so far that this process has passed. */
  bytes = 0;

  /** Counts the tensors, and adds them. */
  override sums(tensors: readonly tf.Tensor[], name: string): tf.Tensor[] {
    for (const tensor of tensors) this.#count(tensor);
    return super.sums(tensors, name);
  }

  /** Counts the tensor, and adds it. */
  override sum<T extends tf.Tensor>(tensor: T, name: string): T {
    this.#count(tensor);
    return super.sum(tensor, name);
  }

  /** Counts the tensor, and joins it with those of the others. */
  override gather<T extends tf.Tensor>(tensor: T, name: string): T {
    this.#count(tensor);
    return super.gather(tensor, name);
  }

  /** Counts the list, and joins it with those of the others. */
  override gatherLists<T extends tf.Tensor>(list: T, length: ListLength, name: string): T {
    this.#count(list);
    return super.gatherLists(list, length, name);
  }

  /** Counts the tensor, and adds it. */
  override sumOfLists<T extends tf.Tensor>(tensor: T, length: ListLength, name: string): T {
    this.#count(tensor);
    return super.sumOfLists(tensor, length, name);
  }

  #count({ size }: tf.Tensor): void {
    this.bytes += size * BYTES;
  }
}
