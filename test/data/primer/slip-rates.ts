import { expect } from "vitest";

/** Each family's share of faulty texts is its slip rate, within 4.5 standard errors, and one fault leads among them. */
export function expectSlipRates(
  taught: readonly { readonly name: string; readonly slipRate: number }[],
  drawn: ReadonlyMap<string, readonly (string | null)[]>,
): void {
  for (const family of taught) {
    const faults = drawn.get(family.name)!;
    const slipped = faults.filter((f) => f !== null);
    const se = Math.sqrt((family.slipRate * (1 - family.slipRate)) / faults.length);
    expect(Math.abs(slipped.length / faults.length - family.slipRate), family.name).toBeLessThan(4.5 * se);
    const top = Math.max(...[...new Set(slipped)].map((name) => slipped.filter((f) => f === name).length));
    expect(top / slipped.length, family.name).toBeGreaterThan(0.45);
  }
}
