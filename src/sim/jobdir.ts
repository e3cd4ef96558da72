/**
 * The files of one worker: `DIR/design.v` and `DIR/ivl.conf`, which only the host writes, and `DIR/out`, the worker's
 * working directory and the only place a job may write. What lies in `out` is a candidate's: it is read without
 * following links or waiting on pipes, and everything but the worker's own files is removed before the next job.
 */

import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { SimJob } from "./simulator.js";
import { ivlConfig } from "./tools.js";

/** Functions that live in the VPI modules beyond `system`. */
const MATH =
  /\$(?:clog2|ln|log10|exp|sqrt|pow|floor|ceil|abs|min|max|countones|onehot0?|isunknown|urandom|cast|typename)\b/;
/** Kept from job to job; a compiled design never is, since the next compiler may leave none and say nothing. */
const OWN = new Set(["compile.log", "run.log"]);

export interface JobDir {
  readonly dir: string;
  readonly out: string;
  place(job: SimJob): void;
  /** At most `limit` bytes of what a stage printed; "" where there is no such file. */
  log(stage: "compile" | "run", limit: number): string;
  /** Did the compiler leave a design? Asked before `clean`. */
  compiled(): boolean;
  clean(): void;
  /** Closes the files; the directory stays. */
  close(): void;
  remove(): void;
}

/** `ivlBase` as in Tools. Throws the file system's faults. */
export function makeJobDir(dir: string, ivlBase: string | null): JobDir {
  const out = join(dir, "out");
  mkdirSync(out, { recursive: true, mode: 0o700 });
  const source = openSync(join(dir, "design.v"), "w", 0o600);
  const config = openSync(join(dir, "ivl.conf"), "w", 0o600);
  let closed = false;
  const lengths = new Map<number, number>();
  const templates = ivlBase === null ? null : [false, true].map((math) => configTemplate(ivlBase, math));

  const rewrite = (fd: number, text: string): void => {
    const bytes = Buffer.from(text, "utf8");
    if (bytes.length < (lengths.get(fd) ?? 0)) ftruncateSync(fd, 0);
    lengths.set(fd, bytes.length);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
  };
  const place = (job: SimJob): void => {
    rewrite(source, job.source);
    if (templates !== null) rewrite(config, templates[MATH.test(job.source) ? 1 : 0]!(job.root));
  };
  const log = (stage: "compile" | "run", limit: number): string => head(join(out, `${stage}.log`), limit);
  const compiled = (): boolean => existsSync(join(out, "design.vvp"));
  const clean = (): void => {
    for (const name of readdirSync(out)) {
      if (!OWN.has(name)) rmSync(join(out, name), { recursive: true, force: true });
    }
  };
  const close = (): void => {
    if (closed) return;
    closed = true;
    closeSync(source);
    closeSync(config);
  };
  const remove = (): void => {
    close();
    rmSync(dir, { recursive: true, force: true, maxRetries: 3, retryDelay: 10 });
  };
  return { dir, out, place, log, compiled, clean, close, remove };
}

/** The configuration as a function of the root's name: what lies in `base` is looked up once. */
function configTemplate(base: string, math: boolean): (root: string) => string {
  const [before, after] = ivlConfig(base, "\0", "design.vvp", math).split("\0") as [string, string];
  return (root) => before + root + after;
}

function head(path: string, limit: number): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return "";
  }
  try {
    const about = fstatSync(fd);
    if (!about.isFile()) return "";
    const buffer = Buffer.allocUnsafe(Math.min(about.size, limit));
    return buffer.toString("latin1", 0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}
