/**
 * The seam to the simulator: one text in, one result out. What a candidate does (loops, crashes, prints) and what the
 * machine does (missing program, full disk, a kill from outside) are different variants and never mix.
 */

export interface SimJob {
  /** Testbench on line 1, design below it. */
  readonly source: string;
  /** Name of the root module. */
  readonly root: string;
  /** CPU seconds the simulation may use; null = the configured limit. */
  readonly cpuSeconds: number | null;
}

export type SimResult =
  /** `ms`: wall time of compiling and running. */
  | { readonly kind: "ran"; readonly output: string; readonly ms: number }
  | { readonly kind: "compile"; readonly log: string }
  | { readonly kind: "timeout"; readonly stage: "compile" | "run"; readonly log: string }
  | { readonly kind: "crash"; readonly stage: "compile" | "run"; readonly log: string }
  | { readonly kind: "infra"; readonly code: string; readonly retryable: boolean; readonly log: string };

export interface Simulator {
  run(job: SimJob, signal: AbortSignal): Promise<SimResult>;
  close(): Promise<void>;
}

export interface Limits {
  /** Address space of one child, bytes. */
  readonly memoryBytes: number;
  readonly compileCpuSeconds: number;
  readonly runCpuSeconds: number;
  /** Wall time of one verdict's processes, milliseconds. */
  readonly wallMs: number;
  /** Largest file a child may write, its output included, bytes. */
  readonly fileBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  memoryBytes: 2 * 1024 ** 3,
  compileCpuSeconds: 2,
  runCpuSeconds: 5,
  wallMs: 30_000,
  fileBytes: 8 * 1024 ** 2,
};
