/** Surplus useful groups, kept for later steps instead of being thrown away. Oldest first, dropped past an age. */

import type { Stateful } from "../../core/ports.js";
import type { PolicyVersion } from "../../core/units.js";

export class GroupBank<G extends { readonly policyVersion: PolicyVersion }>
  implements Stateful<readonly G[]>
{
  private groups: G[] = [];
  private readonly maxAge: number;

  /** @param maxAge versions after which a group is dropped */
  constructor(maxAge: number) {
    this.maxAge = maxAge;
  }

  get size(): number {
    return this.groups.length;
  }

  put(groups: readonly G[]): void {
    this.groups.push(...groups);
  }

  /** Drops what is too old at `version`, and returns it. */
  expire(version: PolicyVersion): G[] {
    const old = this.groups.filter((g) => version - g.policyVersion > this.maxAge);
    this.groups = this.groups.filter((g) => version - g.policyVersion <= this.maxAge);
    return old;
  }

  /** Takes up to `count` groups, oldest first. */
  take(count: number): G[] {
    return this.groups.splice(0, count);
  }

  state(): readonly G[] {
    return [...this.groups];
  }

  restore(state: readonly G[]): void {
    this.groups = [...state];
  }
}
