/** Surplus useful groups, kept for later steps instead of being thrown away. Oldest first, dropped past an age. */

import type { Stateful } from "../../core/ports.js";
import type { Group } from "../../core/types.js";
import type { PolicyVersion } from "../../core/units.js";

export class GroupBank implements Stateful<readonly Group[]> {
  private groups: Group[] = [];
  private readonly maxAge: number;

  /** @param maxAge versions after which a group is dropped */
  constructor(maxAge: number) {
    this.maxAge = maxAge;
  }

  get size(): number {
    return this.groups.length;
  }

  put(groups: readonly Group[]): void {
    this.groups.push(...groups);
  }

  /** Drops what is too old at `version`, and returns it. */
  expire(version: PolicyVersion): Group[] {
    const old = this.groups.filter((g) => version - g.policyVersion > this.maxAge);
    this.groups = this.groups.filter((g) => version - g.policyVersion <= this.maxAge);
    return old;
  }

  /** Takes up to `count` groups, oldest first. */
  take(count: number): Group[] {
    return this.groups.splice(0, count);
  }

  state(): readonly Group[] {
    return [...this.groups];
  }

  restore(state: readonly Group[]): void {
    this.groups = [...state];
  }
}
