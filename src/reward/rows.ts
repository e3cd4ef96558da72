/** What a stimulus is made of: rows of all inputs, each at its place. */

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly width: number;
}

export interface Step {
  readonly value: bigint;
  /** Quiet steps settle but are not compared. */
  readonly quiet: boolean;
}
