/** What the outside of a design looks like, and what its inputs do: the ground the stimuli stand on. */

export interface Port {
  readonly name: string;
  readonly width: number;
}

export interface ClockPort {
  readonly name: string;
  readonly edge: "pos" | "neg" | "both";
}

export interface ResetPort {
  readonly name: string;
  readonly active: 0 | 1;
  /** `soft`: it clears registers like a synchronous reset but its name does not say so; it is driven as data too. */
  readonly style: "async" | "sync" | "soft";
}

export interface Register {
  /** Hierarchical path below the top. */
  readonly path: string;
  readonly width: number;
}

export interface DesignInterface {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly clocks: readonly ClockPort[];
  readonly resets: readonly ResetPort[];
  /** One-bit inputs that gate registers. */
  readonly enables: readonly string[];
  readonly registers: readonly Register[];
  /** Register and latch bits, memories aside. */
  readonly stateBits: number;
  /** Words in the largest memory, 0 without one. */
  readonly memoryWords: number;
  /** Holds state: registers, latches or memories. */
  readonly stateful: boolean;
  /** Some register's clock is made by logic from inputs: inputs then change one at a time, so that nothing races. */
  readonly derivedClock: boolean;
  /** Line at which logic feeds back into itself; null (or absent) where none is known to. */
  readonly loopLine?: number | null;
  readonly source: "yosys" | "header";
}

export type InterfaceResult =
  | { readonly ok: true; readonly iface: DesignInterface }
  | { readonly ok: false; readonly reason: string };

const RESET_NAME =
  /^(?:i_|in_)?(?:a|s|sync_?|async_?|sys_?|soft_?|hard_?|global_?|power_?on_?|por_?|n_?|m_?|cpu_?|core_?|glob_?|master_?)?_?(?:rst|reset|rstn|resetn|areset|aresetn|arst|srst|clr|clear|por)(?:_?(?:n|b|l|i|in|ni|sync|async|low|high|p|h|bar|x|\d+))?$/i;

export const looksLikeReset = (name: string): boolean => RESET_NAME.test(name);

/** Level that resets, from the name: `_n`, `_b`, `n` after rst, or a leading n. */
export const activeLevelByName = (name: string): 0 | 1 =>
  /(?:_n|_b|_ni|_l|_low|_bar|rstn|resetn|rst_?n\d*|clrn|clearn)$/i.test(name) ||
  /^n_?(?:rst|reset|clr)/i.test(name)
    ? 0
    : 1;

export const looksLikeClock = (name: string): boolean => /(?:clk|clock|^ck$|_ck$|^ck_|sclk)/i.test(name);

/** `q[7:0]`, or `q` for one bit. */
export const labelOf = (name: string, width: number): string =>
  width === 1 ? name : `${name}[${width - 1}:0]`;

export const outputBits = (iface: DesignInterface): number => iface.outputs.reduce((n, p) => n + p.width, 0);

/** The compiler and the simulator cut wider words. */
const MAX_INTERFACE_BITS = 65_536;

/** Why no bench can be made for ports like these, or null. `place`: where they are declared. */
export function unusable(iface: DesignInterface, place: string): string | null {
  if (iface.outputs.length === 0) return `golden has no outputs (${place})`;
  if (iface.inputs.length === 0 && iface.stateful) return `golden has state but no inputs (${place})`;
  const bits = iface.inputs.reduce((n, p) => n + p.width, outputBits(iface));
  return bits > MAX_INTERFACE_BITS
    ? `golden's interface has ${bits} bits, more than ${MAX_INTERFACE_BITS} (${place})`
    : null;
}
