/**
 * The world of the synthetic clicks: users, items, and the probabilities of their clicks and
 * purchases, which are known exactly. [README.md](README.md) lists the formulas.
 *
 * @module
 */

import { createRandom, deriveSeed, type Random } from "../src/base/random.ts";
import { firstAtLeast } from "../src/input/bounds.ts";

/**
 * The number of days of synthetic clicks. The last day is for testing, and the one before it for
 * validation.
 */
export const DAYS = 10;

/**
 * The number of impressions (items that are shown together) of one request, at the positions 1 to
 * 10.
 */
export const POSITIONS = 10;

/** The number of features `f1`, `f2`, … of an impression, each −1 or 1. */
export const SIGNS = 12;

/** The number of products of features whose sum is part of the logit of a synthetic click. */
export const PRODUCTS = 12;

/** The maximum number of items in the history of a user: the items that the user clicked last. */
export const HISTORY = 20;

/** The constants of the formulas for synthetic clicks, which no option of the generator changes. */
export const CONSTANTS = {
  /** The exponents of Zipf's law: P(rank r) is proportional to r^−exponent. */
  userExponent: 0.7,
  itemExponent: 1,
  /** The probability that an item is one of the new items of the last days. */
  fresh: 0.2,
  /** The number of days on which a new item is shown. */
  lifetime: 3,
  categories: 20,
  /** The number of favorite categories of a user. */
  favorites: 3,
  /** The exponent of the probability that a user looks at a position. */
  positionExponent: 0.5,
  clickBias: -1,
  /** The standard deviations of the effects of users and items on clicks. */
  userEffect: 0.5,
  itemEffect: 0.7,
  /** The effect of an item of a favorite category. */
  taste: 1,
  buyBias: -1.2,
  /** The standard deviation of the effects of users and items on purchases. */
  buyEffect: 0.5,
  /** The part of `strength` in the logit of a purchase. */
  buyStrength: 0.5,
  /** The mean of ln(dwell) without a purchase, what a purchase adds, and the standard deviation. */
  dwellMean: 3,
  dwellBuy: 1,
  dwellDeviation: 0.7,
  /** The standard deviation of the error of the affinity, as a part of `strength`. */
  affinityError: 0.5,
} as const;

/** The options of the generator of synthetic clicks, such as the number of rows and the seed. */
export interface WorldOptions {
  /** The number of impressions of all days. */
  readonly rows: number;
  /** The seed. */
  readonly seed: number;
  /** The number of features that each product multiplies. */
  readonly depth: number;
  /** The standard deviation of the sum of all products in the logit of a click. */
  readonly strength: number;
}

/**
 * A synthetic impression (an item shown to a user), with its features, labels, and true
 * probabilities.
 */
export interface Impression {
  /** The item. */
  readonly item: number;
  /** The item's category. */
  readonly category: number;
  /** The features `f1` to `f12` as bits: 1 for the feature 1, and 0 for the feature −1. */
  readonly bits: number;
  /** The position on the page, from 1. */
  readonly position: number;
  /** Whether the user clicked, 0 or 1. */
  readonly click: number;
  /** Whether the user clicked and bought, 0 or 1. */
  readonly buy: number;
  /** The seconds on the page of the item; undefined without a click. */
  readonly dwell: number | undefined;
  /** A noisy measurement of the sum of the products. */
  readonly affinity: number;
  /** The probability of a click at this position. */
  readonly clickProbability: number;
  /** The probability of a click if the position is not known. */
  readonly clickProbabilityAnywhere: number;
  /** The probability of a purchase after a click. */
  readonly buyProbability: number;
  /** The same if the dwell time is known; undefined without a click. */
  readonly buyProbabilityByDwell: number | undefined;
}

/** A request: one page that one user sees, with its impressions. */
export interface Request {
  /** The day, from 0. */
  readonly day: number;
  /** The number of the request, from 0. */
  readonly number: number;
  /** The user. */
  readonly user: number;
  /** The items that the user has clicked in earlier requests, the latest ones in the order of time. */
  readonly history: readonly number[];
  /** The impressions, by position. */
  readonly impressions: readonly Impression[];
}

/**
 * The probability that a user looks at a position, and so can click.
 *
 * @param position The position, from 1.
 */
export const examination = (position: number): number => position ** -CONSTANTS.positionExponent;

/** The mean probability that a user looks at a position, over all positions. */
export const meanExamination: number = Array.from(
  { length: POSITIONS },
  (_, index) => examination(index + 1),
).reduce((sum, value) => sum + value, 0) / POSITIONS;

/**
 * Computes the probabilities of Zipf's law.
 *
 * @param count The number of ranks.
 * @param exponent The exponent.
 * @returns For each rank, the probability of this rank or a lower one; the last one is 1.
 */
export function zipf(count: number, exponent: number): Float64Array {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 1; rank <= count; rank++) sums[rank - 1] = sum += rank ** -exponent;
  return sums.map((value) => value / sum);
}

/**
 * The users and items of the synthetic clicks with their properties, which are drawn with a seed.
 */
export class ClickWorld {
  /** The number of users. */
  readonly users: number;
  /** The number of items that exist from the first day on. */
  readonly catalog: number;
  /** The number of items that are new on each day. */
  readonly newPerDay: number;
  /** The category of each item. */
  readonly categories: Uint8Array;
  /** The favorite categories of each user, as bits. */
  readonly favorites: Uint32Array;
  /** The sum of the products, with a standard deviation of 1, for all values of the features. */
  readonly interactions: Float64Array;
  readonly #options: WorldOptions;
  readonly #userEffects: Float64Array;
  readonly #itemEffects: Float64Array;
  readonly #userBuys: Float64Array;
  readonly #itemBuys: Float64Array;

  /**
   * Draws a world.
   *
   * @param options The size and the seed of the world, and how hard its interactions are.
   */
  constructor(options: WorldOptions) {
    const { rows, seed, depth } = options;
    this.#options = options;
    this.users = Math.max(100, Math.floor(rows / 100));
    this.catalog = Math.max(100, Math.floor(rows / 500));
    this.newPerDay = Math.floor(this.catalog / 20);
    const items = this.catalog + DAYS * this.newPerDay;
    const draw = (purpose: string) => createRandom(deriveSeed(seed, "clicks", purpose));
    const effects = (purpose: string, count: number, deviation: number) => {
      const random = draw(purpose);
      return Float64Array.from({ length: count }, () => deviation * normal(random));
    };
    const { userEffect, itemEffect, buyEffect, categories, favorites } = CONSTANTS;
    this.#userEffects = effects("users", this.users, userEffect);
    this.#itemEffects = effects("items", items, itemEffect);
    this.#userBuys = effects("users' purchases", this.users, buyEffect);
    this.#itemBuys = effects("items' purchases", items, buyEffect);
    const byItem = draw("categories"), byUser = draw("favorites");
    this.categories = Uint8Array.from(
      { length: items },
      () => byItem.integer(0, categories - 1),
    );
    this.favorites = Uint32Array.from(
      { length: this.users },
      () => [...distinct(byUser, favorites, categories)].reduce((bits, one) => bits | 1 << one, 0),
    );
    this.interactions = interactions(draw("products"), depth);
  }

  /**
   * Draws the requests of all days, in the order of time.
   *
   * @returns The requests. Each is valid only until the next one is read.
   */
  *requests(): Generator<Request> {
    const { rows, seed } = this.#options;
    const random = createRandom(deriveSeed(seed, "clicks", "requests"));
    const users = zipf(this.users, CONSTANTS.userExponent);
    const items = zipf(this.catalog, CONSTANTS.itemExponent);
    const histories = new Histories(this.users);
    const perDay = rows / DAYS / POSITIONS;
    for (let day = 0; day < DAYS; day++) {
      for (let request = 0; request < perDay; request++) {
        const number = day * perDay + request;
        const user = firstAtLeast(users, random.uniform());
        const impressions = Array.from({ length: POSITIONS }, (_, index) => {
          const item = this.#item(random, items, day);
          return this.#impression(random, user, item, index + 1);
        });
        yield { day, number, user, history: histories.of(user), impressions };
        for (const { click, item } of impressions) if (click) histories.add(user, item);
      }
    }
  }

  #item(random: Random, catalog: Float64Array, day: number): number {
    const { fresh, lifetime } = CONSTANTS;
    const isNew = random.uniform() < fresh;
    if (!isNew) return firstAtLeast(catalog, random.uniform());
    // On the first days, there are no items of earlier days.
    const born = Math.max(0, day - random.integer(0, lifetime - 1));
    return this.catalog + born * this.newPerDay + random.integer(0, this.newPerDay - 1);
  }

  #impression(random: Random, user: number, item: number, position: number): Impression {
    const { strength } = this.#options, is = CONSTANTS;
    const bits = random.integer(0, 2 ** SIGNS - 1), interaction = this.interactions[bits]!;
    const category = this.categories[item]!, isFavorite = this.favorites[user]! >> category & 1;
    const attraction = sigmoid(
      is.clickBias + this.#userEffects[user]! + this.#itemEffects[item]! + is.taste * isFavorite +
        strength * interaction,
    );
    const buyLogit = is.buyBias + this.#userBuys[user]! + this.#itemBuys[item]! +
      is.buyStrength * strength * interaction;
    // Rounded as in the file, so that the numbers in the file are those that were used.
    const clickProbability = Math.fround(examination(position) * attraction);
    const buyProbability = Math.fround(sigmoid(buyLogit));
    const click = Number(random.uniform() < clickProbability);
    const buy = click && Number(random.uniform() < buyProbability);
    const affinity = strength * (interaction + is.affinityError * normal(random));
    const logDwell = is.dwellMean + is.dwellBuy * buy + is.dwellDeviation * normal(random);
    // The ratio of the densities of ln(dwell) with and without a purchase.
    const evidence = is.dwellBuy * (logDwell - is.dwellMean - is.dwellBuy / 2) /
      is.dwellDeviation ** 2;
    return {
      item,
      category,
      bits,
      position,
      click,
      buy,
      dwell: click ? Math.exp(logDwell) : undefined,
      affinity,
      clickProbability,
      clickProbabilityAnywhere: meanExamination * attraction,
      buyProbability,
      buyProbabilityByDwell: click ? sigmoid(buyLogit + evidence) : undefined,
    };
  }
}

/** The latest clicks of each user. */
class Histories {
  readonly #items: Int32Array;
  /** The number of clicks of each user. */
  readonly #clicks: Uint32Array;

  constructor(users: number) {
    this.#items = new Int32Array(users * HISTORY);
    this.#clicks = new Uint32Array(users);
  }

  of(user: number): number[] {
    const clicks = this.#clicks[user]!, kept = Math.min(clicks, HISTORY);
    return Array.from(
      { length: kept },
      (_, index) => this.#items[user * HISTORY + (clicks - kept + index) % HISTORY]!,
    );
  }

  add(user: number, item: number): void {
    this.#items[user * HISTORY + this.#clicks[user]!++ % HISTORY] = item;
  }
}

/**
 * Computes the sum of the products for all values of the features. Products of different features
 * are uncorrelated and have the variance 1, so the sum divided by √12 has the variance 1, too.
 */
function interactions(random: Random, depth: number): Float64Array {
  const masks = new Map<number, number>();
  while (masks.size < PRODUCTS) {
    const mask = [...distinct(random, depth, SIGNS)].reduce((bits, one) => bits | 1 << one, 0);
    if (!masks.has(mask)) masks.set(mask, random.integer(0, 1) * 2 - 1);
  }
  return Float64Array.from({ length: 2 ** SIGNS }, (_, bits) => {
    let sum = 0;
    for (const [mask, sign] of masks) sum += sign * (ones(mask & ~bits) % 2 === 0 ? 1 : -1);
    return sum / Math.sqrt(PRODUCTS);
  });
}

/** Draws some different whole numbers below a limit. */
function distinct(random: Random, count: number, limit: number): Set<number> {
  const drawn = new Set<number>();
  while (drawn.size < count) drawn.add(random.integer(0, limit - 1));
  return drawn;
}

function ones(bits: number): number {
  let count = 0;
  for (let rest = bits; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

/** Draws a number from the standard normal distribution (Box and Muller 1958). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.uniform()));
  return radius * Math.cos(2 * Math.PI * random.uniform());
}

const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));
