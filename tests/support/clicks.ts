/**
 * Clicks as a shop may have them: users and items with tastes that nobody sees, more of both each
 * day.
 *
 * @module
 */

import { createRandom, deriveSeed } from "../../src/base/random.ts";
import type { Rows } from "./hand_over.ts";

/** A row: who saw what at which hour, and whether it was clicked. */
export interface Click {
  readonly user: string;
  readonly item: string;
  readonly hour: number;
  readonly y: number;
}

/** How many rows of how many days, by which seed. */
export interface ClickOptions {
  readonly seed: number;
  readonly days: number;
  readonly rows: number;
}

/** Makes days of clicks. Each day brings new users and items; popular ones are seen more often. */
export function clickDays({ seed, days, rows }: ClickOptions): Click[][] {
  const trait = (name: string) => {
    const random = createRandom(deriveSeed(seed, name));
    return { bias: 2 * (random.uniform() - 0.5), taste: random.uniform() < 0.5 ? -1 : 1 };
  };
  return Array.from({ length: days }, (_, day) => {
    const random = createRandom(deriveSeed(seed, "day", day));
    const popular = (count: number) => Math.floor(random.uniform() ** 2 * count);
    return Array.from({ length: rows }, () => {
      const user = `u${popular(24 + 3 * day)}`, item = `i${popular(20 + 3 * day)}`;
      const hour = random.integer(0, 23);
      const one = trait(user), other = trait(item);
      const logit = one.bias + 2 * other.bias + 3 * one.taste * other.taste +
        (hour >= 18 ? 1 : 0) - 0.5;
      return { user, item, hour, y: random.uniform() < 1 / (1 + Math.exp(-logit)) ? 1 : 0 };
    });
  });
}

/** Rows as columns. */
export function clicksOf(clicks: readonly Click[]): Rows {
  const column = <Name extends keyof Click>(name: Name) => clicks.map((click) => click[name]);
  return { user: column("user"), item: column("item"), hour: column("hour"), y: column("y") };
}
