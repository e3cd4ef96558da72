/** Words of the language (IEEE 1800-2017, annex B) and the groups of them that readers of designs need. */

const WORDS =
  "accept_on alias always always_comb always_ff always_latch and assert assign assume automatic before begin bind bins " +
  "binsof bit break buf bufif0 bufif1 byte case casex casez cell chandle checker class clocking cmos config const " +
  "constraint context continue cover covergroup coverpoint cross deassign default defparam design disable dist do edge " +
  "else end endcase endchecker endclass endclocking endconfig endfunction endgenerate endgroup endinterface endmodule " +
  "endpackage endprimitive endprogram endproperty endsequence endspecify endtable endtask enum event eventually expect " +
  "export extends extern final first_match for force foreach forever fork forkjoin function generate genvar global " +
  "highz0 highz1 if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inout input " +
  "inside instance int integer interconnect interface intersect join join_any join_none large let liblist library local " +
  "localparam logic longint macromodule matches medium modport module nand negedge nettype new nexttime nmos nor " +
  "noshowcancelled not notif0 notif1 null or output package packed parameter pmos posedge primitive priority program " +
  "property protected pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase " +
  "randsequence rcmos real realtime ref reg reject_on release repeat restrict return rnmos rpmos rtran rtranif0 " +
  "rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared sequence shortint shortreal showcancelled " +
  "signed small soft solve specify specparam static string strong strong0 strong1 struct super supply0 supply1 " +
  "sync_accept_on sync_reject_on table tagged task this throughout time timeprecision timeunit tran tranif0 tranif1 tri " +
  "tri0 tri1 triand trior trireg type typedef union unique unique0 unsigned until until_with untyped use uwire var " +
  "vectored virtual void wait wait_order wand weak weak0 weak1 while wildcard wire with within wor xnor xor";

const KEYWORDS: ReadonlySet<string> = new Set(WORDS.split(" "));

/** Is it a word of the language, and not a name? */
export const isKeyword = (text: string): boolean => KEYWORDS.has(text);

const words = (text: string): ReadonlySet<string> => new Set(text.split(" "));

/** How a module's port can point; `ref` is a port too, of no design that can be checked. */
export const DIRECTIONS = words("input output inout");

/** Width in bits of the types that have one by themselves. */
export const TYPE_WIDTH: Readonly<Record<string, number>> = {
  integer: 32,
  int: 32,
  byte: 8,
  shortint: 16,
  longint: 64,
  time: 64,
};

/**
 * Words that a declaration of nets or variables can begin with, as far as mutants are made of what it declares: a longer
 * list would give some goldens other mutants, and with them other vectors.
 */
export const DECLARING = words(
  "wire reg logic bit integer int byte shortint longint tri wand wor supply0 supply1 signed unsigned var",
);

/** All words of a port's type that stand for plain bits. */
export const BIT_TYPES: ReadonlySet<string> = new Set([
  ...DECLARING,
  ...words("tri0 tri1 triand trior uwire"),
  ...Object.keys(TYPE_WIDTH),
]);

/** Types that are no bundle of bits. */
export const OTHER_TYPES = words("real realtime shortreal string event chandle");

/** Gates that compute something. */
export const LOGIC_GATES = words("and or nand nor xor xnor not buf");

const GATES: ReadonlySet<string> = new Set([
  ...LOGIC_GATES,
  ...words("bufif0 bufif1 notif0 notif1 nmos pmos rnmos rpmos cmos rcmos tran rtran"),
  ...words("tranif0 tranif1 rtranif0 rtranif1 pullup pulldown"),
]);

/** Is it a gate or a switch? What follows those with a `#` is a delay, never a parameter. */
export const isGate = (text: string): boolean => GATES.has(text);
