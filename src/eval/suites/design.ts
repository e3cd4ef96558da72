/** One reference design of a public benchmark. */

export interface Design {
  readonly name: string;
  /** Source text as it is in the benchmark, comments included. */
  readonly golden: string;
  /** Name of its top module. */
  readonly top: string;
}
