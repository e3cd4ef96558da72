/** A `Simulator` over long-lived workers: one job per worker at a time, a directory each, and another worker for one that ends. */

import { join } from "node:path";
import { type JobDir, makeJobDir } from "./jobdir.js";
import type { Wrap } from "./sandbox.js";
import type { Limits, SimJob, SimResult, Simulator } from "./simulator.js";
import { type Ending, fileFault, infra, interpret, overstayed } from "./statuses.js";
import type { Tools } from "./tools.js";
import { startWorker, type Worker } from "./worker.js";

export interface WorkersDeps {
  readonly tools: Tools;
  readonly scratchDir: string;
  readonly limits: Limits;
  /** Puts a sandbox around a worker's command line. */
  readonly wrap?: Wrap;
}

/** What an engine brings: a worker's command line and a job's line. The command's working directory is `JobDir.out`. */
export interface Engine {
  readonly command: readonly string[];
  /** What the command needs to read beyond programs and the job's files. */
  readonly readOnly: readonly string[];
  /** `cpuSeconds`: whole seconds, at least 1. */
  line(job: SimJob, cpuSeconds: number): string;
}

interface Seat {
  readonly worker: Worker;
  readonly files: JobDir;
}

export function makeWorkersSimulator(deps: WorkersDeps, engine: Engine): Simulator {
  const { tools, scratchDir, limits } = deps;
  const idle: Seat[] = [];
  const all = new Set<Seat>();
  const leaving = new Set<Promise<void>>();
  let serial = 0;
  let closed = false;

  const take = (): Seat => {
    for (let s = idle.pop(); s !== undefined; s = idle.pop()) {
      if (s.worker.alive()) return s;
      retire(s);
    }
    const files = makeJobDir(join(scratchDir, `w${serial++}`), tools.ivlBase);
    const command = deps.wrap?.(engine.command, files.out, [files.dir, ...engine.readOnly]) ?? engine.command;
    const seat = { worker: startWorker(command, files.out), files };
    all.add(seat);
    return seat;
  };

  /** The files go when the process has: it could still write. */
  const retire = (s: Seat): void => {
    if (!all.delete(s)) return;
    s.worker.kill();
    const left = s.worker.ended.then(() => s.files.remove());
    leaving.add(left);
    // A directory that cannot be removed is left to the sweep of the next start.
    left.catch(() => {}).finally(() => leaving.delete(left));
  };

  const run = async (job: SimJob, signal: AbortSignal): Promise<SimResult> => {
    signal.throwIfAborted();
    if (closed) return infra("closed", "the simulator is closed", false);
    const began = performance.now();
    let seat: Seat | null = null;
    try {
      seat = take();
      const { worker, files } = seat;
      files.place(job);
      const cpu = Math.min(job.cpuSeconds ?? limits.runCpuSeconds, limits.runCpuSeconds);
      const answer = await worker.ask(engine.line(job, Math.max(1, Math.ceil(cpu))), limits.wallMs, signal);
      if (answer.kind === "answer") {
        const ms = performance.now() - began;
        // The compiler's exit code counts its errors modulo 256: it may say 0 and leave nothing to run.
        const missing = answer.stage === "run" && answer.code !== 0 && !files.compiled();
        const ending: Ending = missing ? { stage: "compile", code: 1 } : answer;
        const result = interpret(ending, files.out, limits, ms, (n) => files.log(ending.stage, n));
        files.clean();
        idle.push(seat);
        return result;
      }
      retire(seat);
      if (signal.aborted) throw signal.reason;
      if (closed) return infra("closed", "the simulator is closed", false);
      if (answer.kind === "died") return infra(answer.code, answer.log, true);
      return overstayed(limits, "run");
    } catch (thrown) {
      if (seat !== null) retire(seat);
      if (signal.aborted) throw signal.reason;
      return fileFault(thrown);
    }
  };

  const close = async (): Promise<void> => {
    closed = true;
    for (const s of [...all]) retire(s);
    idle.length = 0;
    await Promise.allSettled([...leaving]);
  };
  return { run, close };
}
