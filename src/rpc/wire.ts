/**
 * What two sides of a call say to each other, whatever carries it: a worker thread, a child process, a socket. The
 * messages are plain data.
 */

import { type ErrorCode, messageOf, TrainError } from "../core/errors.js";

/** Every call by name: its arguments, its result, and what it streams on the way (never = nothing). */
export type CallTable<T> = {
  [N in keyof T]: { readonly args: unknown; readonly result: unknown; readonly item: unknown };
};

export type Request<T extends CallTable<T>> =
  | {
      [N in keyof T]: {
        readonly kind: "call";
        readonly id: number;
        readonly name: N;
        readonly args: T[N]["args"];
      };
    }[keyof T]
  | { readonly kind: "abort"; readonly id: number };

export type Call<T extends CallTable<T>> = Extract<Request<T>, { kind: "call" }>;

export type Answer =
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "item"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: WireError };

/** An error as plain data. */
export interface WireError {
  /** Null for what is not a TrainError. */
  readonly code: ErrorCode | null;
  readonly name: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly details: readonly string[];
  /** Of the side where it was thrown. */
  readonly stack: string | undefined;
}

export function toWire(thrown: unknown): WireError {
  const known = thrown instanceof TrainError ? thrown : null;
  return {
    code: known?.code ?? null,
    name: thrown instanceof Error ? thrown.name : "Error",
    message: messageOf(thrown),
    hint: known?.hint,
    details: known?.details ?? [],
    stack: thrown instanceof Error ? thrown.stack : undefined,
  };
}

/** The error again: a TrainError where it was one, with the stack of where it was thrown. */
export function fromWire(error: WireError): Error {
  const revived =
    error.code === null
      ? Object.assign(new Error(error.message), { name: error.name })
      : new TrainError(error.code, error.message, {
          ...(error.hint !== undefined && { hint: error.hint }),
          details: error.details,
        });
  if (error.stack !== undefined) revived.stack = error.stack;
  return revived;
}
