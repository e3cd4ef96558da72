/** Waiting for what another process does. */

/**
 * Looks every 25 ms until `done` accepts what `look` sees, and returns that. The limit is generous, because a machine
 * may be busy with other things; a test that waits for something which never happens fails with what was seen last.
 *
 * @throws after `ms` milliseconds: what was waited for, and the last thing seen
 */
export async function until<T>(
  what: string,
  look: () => T,
  done: (seen: T) => boolean = Boolean,
  ms = 60_000,
): Promise<T> {
  const end = Date.now() + ms;
  for (;;) {
    const seen = look();
    if (done(seen)) return seen;
    if (Date.now() >= end)
      throw new Error(`waited ${ms / 1000} s for ${what}; last seen: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
