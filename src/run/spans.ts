/**
 * Spans as Chrome trace events (`trace.json`; open it at ui.perfetto.dev). The file is a JSON array that is never
 * closed: the format allows the end to be missing, so it can be read while it grows and after a kill. Every attempt of the run is a process
 * in it, every track a thread. At `maxBytes` the file becomes `trace.1.json`, replacing the one before.
 */

import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../core/ports.js";
import { type AppendFile, cutTornLine, openAppend } from "./trackers/append.js";

export type SpanArgs = Readonly<Record<string, number | string | boolean>>;

export interface Spans {
  /** Starts a span; the returned function ends it. Spans of one track that overlap must nest. */
  span(name: string, track: string, args?: SpanArgs): (more?: SpanArgs) => void;
  instant(name: string, track: string, args?: SpanArgs): void;
  counter(name: string, values: Readonly<Record<string, number>>): void;
  /** Writes out what is buffered; once a step is often enough. Never throws: a trace must not stop a run. */
  flush(): void;
  close(): void;
}

export function makeSpans(options: {
  readonly runDir: string;
  readonly attempt: number;
  readonly clock: Clock;
  readonly warn: (text: string) => void;
  readonly maxBytes?: number;
}): Spans {
  const { clock, attempt } = options;
  const maxBytes = options.maxBytes ?? 16e6;
  const path = join(options.runDir, "trace.json");
  const start = clock.now();
  const tracks = new Map<string, number>();
  let buffer: string[] = [];
  let file: AppendFile | null = null;
  let failed = false;

  const micros = (ms: number): number => Math.round((ms - start) * 1000);
  const emit = (event: object): void => {
    if (failed) return;
    buffer.push(`${JSON.stringify(event)},\n`);
    if (buffer.length >= 1000) flush();
  };

  const nameLine = (name: string, tid: number, value: string): string =>
    `${JSON.stringify({ ph: "M", pid: attempt, tid, name, args: { name: value } })},\n`;
  const processLine = nameLine("process_name", 0, `attempt ${attempt}`);

  function tid(track: string): number {
    let id = tracks.get(track);
    if (id === undefined) {
      id = tracks.size + 1;
      tracks.set(track, id);
      emit({ ph: "M", pid: attempt, tid: id, name: "thread_name", args: { name: track } });
    }
    return id;
  }

  function flush(): void {
    if (failed || buffer.length === 0) return;
    try {
      file ??= openTrace(path, processLine);
      const text = buffer.join("");
      if (file.size() + text.length > maxBytes) {
        file.close();
        renameSync(path, join(options.runDir, "trace.1.json"));
        const threads = [...tracks].map(([track, id]) => nameLine("thread_name", id, track));
        file = openTrace(path, processLine + threads.join(""));
      }
      file.append(text);
      buffer = [];
    } catch (error) {
      failed = true;
      buffer = [];
      options.warn(`the trace is not written any more: ${String(error)}`);
    }
  }

  return {
    span(name, track, args = {}) {
      const began = clock.now();
      const id = tid(track);
      return (more = {}) => {
        const dur = Math.round((clock.now() - began) * 1000);
        emit({ ph: "X", pid: attempt, tid: id, name, ts: micros(began), dur, args: { ...args, ...more } });
      };
    },
    instant(name, track, args = {}) {
      const id = tid(track);
      emit({ ph: "i", s: "t", pid: attempt, tid: id, name, ts: micros(clock.now()), args });
    },
    counter(name, values) {
      emit({ ph: "C", pid: attempt, tid: 0, name, ts: micros(clock.now()), args: values });
    },
    flush,
    close() {
      flush();
      file?.close();
      file = null;
    },
  };
}

function openTrace(path: string, names: string): AppendFile {
  const file = openAppend(path, cutTornLine);
  if (file.size() === 0) file.append("[\n");
  file.append(names);
  return file;
}

/** The events of a trace file, however it ended. */
export function readTrace(path: string): Record<string, unknown>[] {
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf(",\n"));
  return whole === "" ? [] : JSON.parse(`${whole}]`);
}
