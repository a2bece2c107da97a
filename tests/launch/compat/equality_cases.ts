/** Makes two new values for each comparison. */
type Pair = () => readonly [actual: unknown, expected: unknown];

/** Values that `assertEquals()` of `@std/assert` treats as equal, and others that it does not. */
export interface EqualityCases {
  readonly equal: readonly Pair[];
  readonly different: readonly Pair[];
}

class Point {
  constructor(readonly x: number) {}
  get double(): number {
    return 2 * this.x;
  }
}

class Private {
  readonly #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  get x(): number {
    return this.#x;
  }
}

class Hidden {
  readonly #x: number;
  constructor(x: number) {
    this.#x = x;
  }
  show(): number {
    return this.#x;
  }
}

class LaterDate extends Date {}

const point = new Point(1);
const symbol = Symbol("symbol");
const buffer = (...bytes: number[]) => new Uint8Array(bytes).buffer;
const shared = (...bytes: number[]) => {
  const made = new SharedArrayBuffer(bytes.length);
  new Uint8Array(made).set(bytes);
  return made;
};
const withoutPrototype = (properties: object) => Object.assign(Object.create(null), properties);
const withHidden = (value: unknown) => Object.defineProperty({ a: 1 }, "hidden", { value });
const loop = (x: number) => {
  const made: Record<string, unknown> = { x };
  made.self = made;
  return made;
};
const noop = () => {};

/** Pairs of values, by description. */
export const equalityCases: Readonly<Record<string, EqualityCases>> = {
  "compares primitives by value, 0 with -0 and NaN with NaN as equal": {
    equal: [
      () => [1, 1],
      () => [NaN, NaN],
      () => [0, -0],
      () => [{ a: [NaN, -0] }, { a: [NaN, 0] }],
      () => ["a", "a"],
      () => [1n, 1n],
      () => [undefined, undefined],
      () => [symbol, symbol],
    ],
    different: [
      () => [1, 2],
      () => [1, "1"],
      () => [1, 1n],
      () => [0, false],
      () => [null, undefined],
      () => [null, {}],
      () => ["", []],
      () => [NaN, 0],
      () => [Symbol("symbol"), symbol],
    ],
  },
  "compares plain objects by what can be enumerated": {
    equal: [
      () => [{ a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 }],
      () => [withoutPrototype({ a: 1 }), { a: 1 }],
      () => [{ a: 1 }, withoutPrototype({ a: 1 })],
      () => [withHidden(1), withHidden(2)],
      () => [withHidden(1), { a: 1 }],
      () => [{ [symbol]: 1 }, { [symbol]: 1 }],
      () => [{
        get a() {
          return 1;
        },
      }, { a: 1 }],
    ],
    different: [
      () => [{ a: 1 }, { a: 2 }],
      () => [{ a: 1 }, { b: 1 }],
      () => [{ a: 1 }, { a: 1, b: 1 }],
      () => [{ a: undefined }, {}],
      () => [{ a: undefined }, { b: undefined }],
      () => [{ [symbol]: 1 }, {}],
      () => [{ [symbol]: 1 }, { [symbol]: 2 }],
      () => [{}, []],
      () => [{ a: noop }, { a: () => {} }],
    ],
  },
  "compares arrays by their elements, empty places apart from undefined": {
    equal: [
      () => [[], []],
      () => [[1, [2, [3]]], [1, [2, [3]]]],
      () => [[undefined], [undefined]],
      () => [Array(2), Array(2)],
      // deno-lint-ignore no-sparse-arrays
      () => [[1, , 2], [1, , 2]],
      // An empty element at the end makes no difference.
      () => [Object.assign([1], { length: 2 }), [1]],
    ],
    different: [
      () => [[1, 2], [2, 1]],
      () => [[1], [1, 2]],
      () => [[1, undefined], [1]],
      () => [[undefined], Array(1)],
      () => [Object.assign([1], { extra: 1 }), [1]],
      () => [[1], { 0: 1 }],
    ],
  },
  "compares instances with their class, fields and getters, and not what is private": {
    equal: [
      () => [new Point(1), new Point(1)],
      () => [new Private(1), new Private(1)],
      () => [new Hidden(1), new Hidden(2)],
      () => [Object.create(point), Object.create(point)],
    ],
    different: [
      () => [new Point(1), new Point(2)],
      () => [new Private(1), new Private(2)],
      () => [new Point(1), { x: 1 }],
      () => [{ x: 1 }, new Point(1)],
      () => [new Point(1), new Private(1)],
      () => [new Error("a"), new Error("b")],
      () => [new TypeError("a"), new RangeError("a")],
      // The stack of an error is compared too.
      () => [new Error("a"), new Error("a")],
    ],
  },
  "compares typed arrays and buffers of one kind by their numbers": {
    equal: [
      () => [new Float32Array([1, NaN, 0]), new Float32Array([1, NaN, -0])],
      () => [new BigInt64Array([1n]), new BigInt64Array([1n])],
      () => [new Uint8Array([1, 2, 3]).subarray(1), new Uint8Array([2, 3])],
      () => [buffer(1, 2), buffer(1, 2)],
      () => [shared(1, 2), shared(1, 2)],
      () => [new DataView(buffer(1, 2)), new DataView(buffer(1, 2))],
    ],
    different: [
      () => [new Float32Array([1]), new Float32Array([2])],
      () => [new Float32Array([1]), new Float32Array([1, 2])],
      () => [new Float32Array([1]), new Float64Array([1])],
      () => [new Float32Array([1]), [1]],
      () => [[1], new Float32Array([1])],
      () => [buffer(1, 2), buffer(1, 3)],
      () => [buffer(1), shared(1)],
      () => [new DataView(buffer(1, 2)), new DataView(buffer(1, 3))],
    ],
  },
  "compares maps and sets in any order, by keys that are deeply equal": {
    equal: [
      () => [new Set([1, NaN, "a"]), new Set(["a", 1, NaN])],
      () => [new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])],
      () => [new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
      () => [new Map([[{ a: 1 }, [1]]]), new Map([[{ a: 1 }, [1]]])],
      () => [new Map([["a", undefined]]), new Map([["a", undefined]])],
      () => [new Set([new Set([1])]), new Set([new Set([1])])],
      // Each actual entry has an equal among the expected entries.
      () => [new Set([{ a: 1 }, { a: 1 }]), new Set([{ a: 1 }, { a: 2 }])],
    ],
    different: [
      () => [new Set([1]), new Set([2])],
      () => [new Set([1]), new Set([1, 2])],
      () => [new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 1 }, { a: 1 }])],
      () => [new Map([["a", 1]]), new Map([["a", 2]])],
      () => [new Map([["a", 1]]), new Map([["b", 1]])],
      () => [new Map([["a", undefined]]), new Map([["b", undefined]])],
      () => [new Map([[{ a: 1 }, 1]]), new Map([[{ a: 1 }, 2]])],
      () => [new Map([[{ a: 1 }, 1], [{ a: 2 }, 2]]), new Map([[{ a: 1 }, 2], [{ a: 2 }, 1]])],
      () => [new Set(), new Map()],
      () => [new Set(["a"]), ["a"]],
      () => [Object.assign(new Set([1]), { extra: 1 }), new Set([1])],
    ],
  },
  "compares dates, regular expressions and addresses by what they say": {
    equal: [
      () => [new Date(5), new Date(5)],
      () => [new Date(NaN), new Date(NaN)],
      () => [new LaterDate(5), new Date(5)],
      () => [/a/g, /a/g],
      () => [Object.assign(/a/g, { lastIndex: 1 }), /a/g],
      () => [new URL("file:///a"), new URL("file:///a")],
      () => [new URLSearchParams("a=1"), new URLSearchParams("a=1")],
    ],
    different: [
      () => [new Date(5), new Date(6)],
      () => [new Date(5), new Date(NaN)],
      () => [new Date(5), 5],
      () => [new Date(5), {}],
      () => [/a/g, /a/i],
      () => [new URL("file:///a"), new URL("file:///b")],
      () => [new URL("file:///a"), "file:///a"],
      () => [new URLSearchParams("a=1"), new URLSearchParams("a=2")],
    ],
  },
  "compares values that contain themselves": {
    equal: [
      () => [loop(1), loop(1)],
      () => [new Map([["a", loop(1)]]), new Map([["a", loop(1)]])],
      () => {
        const [left, right] = [new Set<unknown>(), new Set<unknown>()];
        return [left.add(left), right.add(right)];
      },
    ],
    different: [
      () => [loop(1), loop(2)],
      () => [loop(1), { x: 1, self: { x: 2 } }],
      () => [loop(1), { x: 1, self: undefined }],
    ],
  },
};
