/** Soft punishment of long completions (DAPO, arXiv 2503.14476, eq. 13), added after filtering, before the advantage. */

/**
 * @param length completion tokens
 * @param limit longest completion (Lmax)
 * @param buffer tokens before the limit where the penalty starts (Lbuf)
 * @returns a number in [-factor, 0]
 */
export function overlongPenalty(length: number, limit: number, buffer: number, factor: number): number {
  const over = length - (limit - buffer);
  return over <= 0 ? 0 : Math.max(-(over / buffer) * factor, -factor);
}
