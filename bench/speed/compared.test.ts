import { expect, it } from "vitest";
import { compared } from "./compared.js";

const stored = { figure: 100, unit: "verdicts/s", date: "2026-12-01" };
const at = (figure: number, better: "higher" | "lower" = "higher") =>
  compared("throughput", { figure, unit: "verdicts/s" }, stored, better, 0.25);

it("warns about a figure that is worse by more than the tolerance, and about no other", () => {
  expect(at(76)).toBe("ok    throughput: 76 verdicts/s, -24.0 % of 100 on 2026-12-01");
  expect(at(74)).toBe("WARN  throughput: 74 verdicts/s, -26.0 % of 100 on 2026-12-01");
  expect(at(300)).toMatch(/^ok/);
  expect(at(126, "lower")).toMatch(/^WARN/);
  expect(at(20, "lower")).toMatch(/^ok/);
});

it("compares nothing with a stored figure of another unit, or with none", () => {
  expect(compared("x", { figure: 1, unit: "s" }, stored, "lower", 0.1)).toBe(
    "WARN  x: 1 s, and the stored figure is in verdicts/s",
  );
  expect(compared("x", { figure: 1.23456, unit: "s" }, null, "lower", 0.1)).toBe("new   x: 1.235 s");
});
