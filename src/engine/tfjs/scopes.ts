/** Open scopes, innermost last: what is made belongs to the innermost one until it is kept or freed. */

import { TrainError } from "../../core/errors.js";

export interface Scopes<H extends object> {
  made(handle: H): H;
  scope<R>(work: () => R, keep?: (result: R) => readonly H[]): R;
  /** The same over something that waits; nothing else may open a scope meanwhile. */
  scopeAsync<R>(work: () => Promise<R>): Promise<R>;
  /** What is made in `work` belongs to no scope. */
  outside<R>(work: () => R): R;
  free(...handles: readonly H[]): void;
  readonly alive: number;
}

/** @param dispose releases one handle; called once for each */
export function makeScopes<H extends object>(dispose: (handle: H) => void): Scopes<H> {
  const stack: Set<H>[] = [];
  let alive = 0;
  const release = (handle: H): void => {
    alive -= 1;
    dispose(handle);
  };
  const close = (mine: Set<H>): void => {
    if (stack.pop() !== mine) throw new TrainError("bug", "scopes of tensors are not nested");
    for (const handle of mine) release(handle);
  };
  return {
    get alive() {
      return alive;
    },
    made(handle) {
      alive += 1;
      stack.at(-1)?.add(handle);
      return handle;
    },
    scope(work, keep) {
      const mine = new Set<H>();
      stack.push(mine);
      try {
        const result = work();
        const outer = stack.at(-2);
        for (const handle of keep?.(result) ?? []) {
          // One that is not mine belongs to a scope outside already, or to none.
          if (mine.delete(handle)) outer?.add(handle);
        }
        return result;
      } finally {
        close(mine);
      }
    },
    async scopeAsync(work) {
      const mine = new Set<H>();
      stack.push(mine);
      try {
        return await work();
      } finally {
        close(mine);
      }
    },
    outside(work) {
      const open = stack.splice(0);
      try {
        return work();
      } finally {
        stack.push(...open);
      }
    },
    free(...handles) {
      for (const handle of handles) {
        for (let i = stack.length - 1; i >= 0; i--) if (stack[i]!.delete(handle)) break;
        release(handle);
      }
    },
  };
}
