/** A small cache that disposes of what was used longest ago: bounds the memory that sessions hold. */

export interface LruCache<T> {
  get(key: string, make: () => Promise<T>): Promise<T>;
  clear(): Promise<void>;
}

export function lruCache<T>(capacity: number, dispose: (value: T) => Promise<void>): LruCache<T> {
  const entries = new Map<string, T>();
  return {
    async get(key, make) {
      let value = entries.get(key);
      if (value === undefined) {
        while (entries.size >= capacity) {
          const [oldest, stale] = entries.entries().next().value!;
          entries.delete(oldest);
          await dispose(stale);
        }
        value = await make();
      } else entries.delete(key);
      entries.set(key, value);
      return value;
    },
    async clear() {
      const all = [...entries.values()];
      entries.clear();
      for (const value of all) await dispose(value);
    },
  };
}
