/**
 * The one error type. Its code decides the exit code; its message says what was expected, what was got and where;
 * its hint says what to type next.
 */

/** Stable codes and the exit code each maps to. */
export const EXIT_CODES = {
  bug: 1,
  usage: 2,
  config: 2,
  data: 3,
  checkpoint: 3,
  tool: 4,
  diverged: 5,
  no_signal: 5,
  worker: 6,
  sweep: 8,
  stopped: 75,
  interrupted: 130,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

export interface ErrorExtras {
  /** What to type or change next. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** One line per further problem (all config errors at once, for example). */
  readonly details?: readonly string[];
}

export class TrainError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: readonly string[];

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(redact(message), extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = "TrainError";
    this.code = code;
    this.hint = extras.hint === undefined ? undefined : redact(extras.hint);
    this.details = (extras.details ?? []).map(redact);
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** Hides API keys and bearer tokens wherever a message might carry one. */
export function redact(text: string): string {
  return text
    .replace(/\b(sk|hf|ghp|wandb)[-_][A-Za-z0-9_-]{8,}/g, "$1-***")
    .replace(/\b(Bearer|api[_-]?key[=:])\s*\S+/gi, "$1 ***");
}

/** Message of anything thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);
