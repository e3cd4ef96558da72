/**
 * Progress on stderr: permanent lines, and on a terminal one status line that is rewritten in place. Without a
 * terminal there is no status line, so logs hold every line once and nothing else.
 */

import type { Reporter } from "../core/ports.js";
import type { Out } from "./shell.js";
import { clip, paint, printable } from "./text.js";

const CLEAR = "\r\u001b[2K";

export interface CliReporter extends Reporter {
  /** Takes the status line away; what is printed next starts on a clean line. */
  close(): void;
}

/** `quiet`: warnings only. */
export function makeReporter(out: Out, options: { readonly quiet: boolean }): CliReporter {
  let shown: string | null = null;
  let closed = false;

  const draw = (text: string | null): void => {
    if (!out.isTTY || options.quiet || closed) return;
    if (text === null) {
      if (shown !== null) out.write(CLEAR);
    } else {
      // One column stays free: a character in the last one makes some terminals wrap.
      out.write(CLEAR + clip(printable(text).replaceAll("\n", " "), out.columns() - 1));
    }
    shown = text;
  };
  const permanent = (text: string): void => {
    const status = shown;
    draw(null);
    out.write(`${text}\n`);
    if (status !== null) draw(status);
  };

  return {
    line: (text) => {
      if (!options.quiet) permanent(printable(text));
    },
    status: draw,
    warn: (text) => permanent(`${paint(out.colour, "yellow", "warning:")} ${printable(text)}`),
    close: () => {
      draw(null);
      closed = true;
    },
  };
}
