/** Values that are derived from objects and shared as long as something uses them. */
export class WeakCache<Key extends object, Value extends object> {
  readonly #values = new WeakMap<Key, WeakRef<Value>>();

  /**
   * Returns the value for an object.
   *
   * @param key The object, which must not change.
   * @param make Makes the value if there is none, or nothing uses it anymore.
   */
  of(key: Key, make: (key: Key) => Value): Value {
    const known = this.#values.get(key)?.deref();
    if (known) return known;
    const made = make(key);
    this.#values.set(key, new WeakRef(made));
    return made;
  }
}
