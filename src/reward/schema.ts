/** Config section `reward`. */

import { z } from "zod";
import { CHECKER_DEFAULTS } from "../equiv/settings.js";
import { DEFAULT_SHAPE, SHAPES } from "./shape.js";
import { DEFAULT_AUDIT, DEFAULT_FORMAL } from "./tiers.js";

const MIB = 1024 ** 2;

export const rewardSchema = z
  .strictObject({
    engine: z
      .enum(["simulator", "fake"])
      .default("simulator")
      .describe("simulator = Icarus Verilog decides; fake = a deterministic stand-in for dry runs"),
    concurrency: z
      .int()
      .min(1)
      .max(1024)
      .nullable()
      .default(null)
      .describe("Candidates checked at the same time; null = one per CPU core"),
    vectors: z
      .int()
      .min(16)
      .max(100_000)
      .default(CHECKER_DEFAULTS.stimulus.vectors)
      .describe(
        "Input vectors per candidate (clock cycles of a clocked design); small combinational designs are enumerated instead",
      ),
    exhaustive_bits: z
      .int()
      .min(0)
      .max(16)
      .default(CHECKER_DEFAULTS.stimulus.exhaustiveBits)
      .describe("Combinational designs with at most this many input bits see every input value"),
    stimulus_seed: z.int().min(0).default(1).describe("Seed of the input vectors"),
    shape: z
      .enum(SHAPES)
      .default(DEFAULT_SHAPE.kind)
      .describe(
        "binary = 1 for the format and equal behaviour, else 0 (CodeV-R1, arXiv 2505.24183, section 3.3); vector_fraction and per_output give partial credit; format_bonus pays for the format alone",
      ),
    partial_weight: z
      .number()
      .min(0)
      .max(1)
      .default(DEFAULT_SHAPE.partialWeight)
      .describe("Most that a wrong design can earn with vector_fraction or per_output"),
    format_bonus: z
      .number()
      .min(0)
      .max(1)
      .default(DEFAULT_SHAPE.formatBonus)
      .describe("Reward of the right format alone with format_bonus"),
    mutants: z
      .int()
      .min(0)
      .max(64)
      .default(CHECKER_DEFAULTS.mutants)
      .describe(
        "Faulty copies of each golden that its vectors must tell from it; they choose the vectors and give the bench its kill rate",
      ),
    audit: z
      .strictObject({
        share: z
          .number()
          .min(0)
          .max(1)
          .default(DEFAULT_AUDIT.share)
          .describe(
            "Share of passes that are checked again with other vectors; a disagreement quarantines the problem",
          ),
        vectors: z
          .int()
          .min(16)
          .max(100_000)
          .default(DEFAULT_AUDIT.vectors)
          .describe("Input vectors of an audit, drawn from another seed"),
      })
      .prefault({}),
    formal: z
      .strictObject({
        when: z
          .enum(["never", "audit", "always"])
          .default(DEFAULT_FORMAL.when)
          .describe(
            "Which passes a formal engine (Yosys) tries to prove: none, the audited ones, or every one",
          ),
        seconds: z
          .number()
          .min(0.1)
          .max(600)
          .default(DEFAULT_FORMAL.seconds)
          .describe(
            "Wall-time cap of one proof, seconds; a proof that is not found leaves the pass as it is",
          ),
      })
      .prefault({}),
    sandbox: z
      .enum(["auto", "required", "off"])
      .default("auto")
      .describe(
        "auto = bubblewrap where it can start, else limits and process groups alone; required = refuse to run without it; off = never",
      ),
    simulator: z
      .enum(["auto", "forked", "spawn"])
      .default("auto")
      .describe(
        "How simulator processes start: forked = from a warm parent (needs a C compiler), spawn = afresh, auto = forked where it works",
      ),
    limits: z
      .strictObject({
        memory_mib: z
          .int()
          .min(64)
          .default(CHECKER_DEFAULTS.limits.memoryBytes / MIB)
          .describe("Address space of one child process, MiB"),
        compile_cpu_seconds: z
          .int()
          .min(1)
          .default(CHECKER_DEFAULTS.limits.compileCpuSeconds)
          .describe("CPU limit of one compilation, seconds"),
        run_cpu_seconds: z
          .int()
          .min(1)
          .default(CHECKER_DEFAULTS.limits.runCpuSeconds)
          .describe("CPU limit of one simulation, seconds"),
        wall_seconds: z
          .number()
          .min(1)
          .default(CHECKER_DEFAULTS.limits.wallMs / 1000)
          .describe("Wall-time limit of one check, seconds"),
        file_mib: z
          .int()
          .min(1)
          .default(CHECKER_DEFAULTS.limits.fileBytes / MIB)
          .describe("Largest file or output of one child process, MiB"),
      })
      .prefault({}),
    retries: z
      .int()
      .min(0)
      .max(10)
      .default(3)
      .describe("How often a failure of the machinery is retried before the rollout is excluded"),
  })
  .prefault({});

export type RewardSection = z.infer<typeof rewardSchema>;

/** The section in the units of `makeRewarder`. */
export const rewarderOptions = (c: RewardSection) => ({
  concurrency: c.concurrency,
  retries: c.retries,
  seed: c.stimulus_seed,
  stimulus: { vectors: c.vectors, exhaustiveBits: c.exhaustive_bits },
  shape: { kind: c.shape, partialWeight: c.partial_weight, formatBonus: c.format_bonus },
  mutants: c.mutants,
  audit: c.audit,
  formal: c.formal,
  sandbox: c.sandbox,
  engine: c.simulator,
  limits: {
    memoryBytes: c.limits.memory_mib * MIB,
    compileCpuSeconds: c.limits.compile_cpu_seconds,
    runCpuSeconds: c.limits.run_cpu_seconds,
    wallMs: c.limits.wall_seconds * 1000,
    fileBytes: c.limits.file_mib * MIB,
  },
});
