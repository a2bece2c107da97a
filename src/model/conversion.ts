/**
 * The common part of the conversions of a recorded graph to ONNX and to TensorFlow.
 *
 * @module
 */

import type * as tf from "@tensorflow/tfjs";
import {
  type Constant,
  NoGraph,
  type Size,
  type SymbolicCall,
  type SymbolicGraph,
  type SymbolicValue,
} from "../engine/symbolic/record.ts";

/** A converted value, with the properties that ONNX models and SavedModels have in common. */
export interface ConvertedValue<Type> {
  /** The type. */
  readonly type: Type;
}

/**
 * The codes by which an export format (ONNX or SavedModel) identifies the types that tfjs computes
 * with, and float64.
 */
export interface NumberTypes<Type> {
  readonly float: Type;
  readonly double: Type;
  readonly int32: Type;
  readonly bool: Type;
}

/** What a conversion needs in addition to the recorded graph. */
export interface ConversionInput<Builder, Value, Rows> {
  /** The builder that the operations are added to. */
  readonly builder: Builder;
  /** The converted value for each input of the recorded graph, by name. */
  readonly inputs: Readonly<Record<string, Value>>;
  /** Returns the number of rows, as the operations of the format read it. */
  readonly rows: () => Rows;
  /** Returns the values of a variable. */
  readonly variable: (name: string) => Float32Array;
}

/** The operations of tfjs with a boolean result. */
export const tests: ReadonlySet<string> = new Set([
  ...["Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual", "IsNan"],
  ...["LogicalAnd", "LogicalOr", "LogicalNot"],
]);

/**
 * Converts the calls of a recorded graph one after another. Each export format has a subclass,
 * which adds the operations of this format.
 */
export abstract class Conversion<Type, Value extends ConvertedValue<Type>> {
  /** The recorded graph. */
  protected readonly graph: SymbolicGraph;
  /** The call that is being converted. */
  protected call!: SymbolicCall;
  readonly #format: string;
  readonly #types: NumberTypes<Type>;
  readonly #values = new Map<number, Value>();

  /**
   * Prepares a conversion.
   *
   * @param graph The recorded graph.
   * @param format The name of the format, for messages.
   * @param types The codes of the format's types.
   */
  constructor(graph: SymbolicGraph, format: string, types: NumberTypes<Type>) {
    this.graph = graph;
    this.#format = format;
    this.#types = types;
  }

  /** Adds the operations of a call, and returns the values of its outputs. */
  protected abstract convert(call: SymbolicCall): Value[];

  /** Adds a constant in the given type. */
  protected abstract constant(symbolic: SymbolicValue, constant: Constant, type: Type): Value;

  /**
   * Converts all calls that the outputs depend on.
   *
   * @param inputs The values of the graph's inputs by name.
   * @returns The values of the graph's outputs by name.
   */
  protected convertAll(inputs: Readonly<Record<string, Value>>): Record<string, Value> {
    for (const [name, { id }] of Object.entries(this.graph.inputs)) {
      const given = inputs[name];
      if (given) this.#values.set(id, given);
    }
    for (const call of this.#needed()) {
      this.call = call;
      const made = this.convert(call);
      made.forEach((value, index) => this.#values.set(call.outputs[index]!.id, value));
    }
    return Object.fromEntries(
      Object.entries(this.graph.outputs).map(([name, symbolic]) => [name, this.value(symbolic)]),
    );
  }

  /** Returns the calls that the outputs depend on. */
  #needed(): SymbolicCall[] {
    const wanted = new Set(Object.values(this.graph.outputs).map(({ id }) => id));
    const needed = this.graph.calls.toReversed().filter(({ inputs, outputs }) => {
      if (!outputs.some(({ id }) => wanted.has(id))) return false;
      for (const { id } of Object.values(inputs)) wanted.add(id);
      return true;
    });
    return needed.reverse();
  }

  /** Returns the value of an input of the current call. */
  protected at(name: string): Value {
    return this.value(this.call.inputs[name]!);
  }

  /** Returns the value of an input or an earlier result; a constant is added at its first use. */
  protected value(symbolic: SymbolicValue): Value {
    const known = this.#values.get(symbolic.id);
    if (known) return known;
    if (!symbolic.constant) throw this.refuse("it reads an input that nothing provides");
    const value = this.constant(symbolic, symbolic.constant, this.typeOf(symbolic.dtype));
    this.#values.set(symbolic.id, value);
    return value;
  }

  /** Returns a constant of the call with all its digits; undefined if `type` needs no new one. */
  protected exactConstant(symbolic: SymbolicValue, type: Type): Value | undefined {
    const { constant } = symbolic;
    return constant?.kind === "numbers" ||
        constant?.kind === "values" && type === this.#types.double
      ? this.constant(symbolic, constant, type)
      : undefined;
  }

  /** Returns the type in which to compute with several inputs: float64 if one of them has it. */
  protected common(symbolic: readonly SymbolicValue[]): Type {
    const { double, float } = this.#types;
    const types = symbolic.filter(({ constant }) => constant?.kind !== "numbers")
      .map((one) => this.value(one).type);
    return types.find((type) => type === double) ?? types.find((type) => type === float) ??
      types[0] ?? float;
  }

  /** Returns a number of the current call, which must not depend on the number of rows. */
  protected number(value: unknown): number {
    if (typeof value === "number") return value;
    throw this.refuse("an attribute depends on the number of rows");
  }

  /** Returns one or several numbers of the current call. */
  protected numbers(value: unknown): number[] {
    const list = Array.isArray(value) ? value : [value];
    return list.map((one) => this.number(one));
  }

  /** Returns the number of axes of an input of the current call. */
  protected rank(name: string): number {
    return this.call.inputs[name]!.shape.length;
  }

  /** Returns axes that count from 0; all axes if none are given. */
  protected axes(value: unknown, rank: number): number[] {
    const given = value === undefined || value === null
      ? Array.from({ length: rank }, (_, axis) => axis)
      : this.numbers(value);
    return given.map((axis) => axis < 0 ? axis + rank : axis);
  }

  /** Creates the error for a call that cannot be converted. */
  protected refuse(why: string): NoGraph {
    const { kernel, origin } = this.call;
    const message = `the operation ${kernel} cannot be converted to ${this.#format} here: ${why}`;
    return new NoGraph(message, origin);
  }

  /** Returns the code of a type of tfjs. */
  protected typeOf(dtype: tf.DataType): Type {
    const { float, int32, bool } = this.#types;
    if (dtype === "float32") return float;
    if (dtype === "int32") return int32;
    if (dtype === "bool") return bool;
    throw new NoGraph(`it computes with the type ${dtype}`, undefined);
  }

  /** Returns numbers as the typed array of a type. */
  protected dataOf(
    values: ArrayLike<number>,
    type: Type,
  ): Float64Array | Float32Array | Int32Array | Uint8Array {
    const { float, double, int32 } = this.#types;
    if (type === double) return Float64Array.from(values);
    if (type === float) return values instanceof Float32Array ? values : Float32Array.from(values);
    if (type === int32) return Int32Array.from(values);
    return Uint8Array.from(values);
  }
}

/** Returns the two numbers of a height and width; a single number stands for both. */
export function pairOf(value: unknown): [number, number] {
  const [first, second = first] = [value].flat() as number[];
  return [first!, second!];
}

/**
 * Converts a size to an object: a plain number becomes a size that does not depend on the number of
 * rows.
 */
export function sizeOf(size: number | Size): Size {
  return typeof size === "number" ? { fixed: size, perRow: 0 } : size;
}
