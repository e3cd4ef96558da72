/** A reader of value change dumps, written from IEEE 1364-2005 clause 18 alone: it refuses what the grammar does not allow. */

export interface Signal {
  readonly path: string;
  readonly width: number;
  /** Time and value, in order. */
  readonly changes: (readonly [number, string])[];
}

export function readVcd(text: string): ReadonlyMap<string, Signal> {
  const words = text.split(/\s+/).filter((w) => w !== "");
  const byId = new Map<string, Signal>();
  const byPath = new Map<string, Signal>();
  const scopes: string[] = [];
  let i = 0;
  const until = (): string[] => {
    const from = i;
    while (words[i] !== "$end") {
      if (i >= words.length) throw new Error("a section without $end");
      i++;
    }
    return words.slice(from, i++);
  };
  for (;;) {
    const word = words[i++];
    if (word === "$enddefinitions") {
      until();
      break;
    }
    if (word === "$scope") scopes.push(until()[1]!);
    else if (word === "$upscope") {
      until();
      if (scopes.pop() === undefined) throw new Error("$upscope without $scope");
    } else if (word === "$var") {
      const [, width, id, name] = until();
      const signal = { path: [...scopes, name].join("."), width: Number(width), changes: [] };
      if (byId.has(id!)) throw new Error(`identifier ${id} twice`);
      byId.set(id!, signal);
      byPath.set(signal.path, signal);
    } else if (word?.startsWith("$")) until();
    else throw new Error(`unexpected ${word}`);
  }
  if (scopes.length > 0) throw new Error(`scope ${scopes.join(".")} is open`);
  let time = -1;
  for (; i < words.length; i++) {
    const word = words[i]!;
    if (word === "$dumpvars" || word === "$end") continue;
    if (word.startsWith("#")) {
      const next = Number(word.slice(1));
      if (!(next > time)) throw new Error(`time ${word} after #${time}`);
      time = next;
      continue;
    }
    const vector = /^b([01xz]+)$/.exec(word);
    const scalar = /^([01xz])(\S+)$/.exec(word);
    const id = vector ? words[++i]! : scalar?.[2];
    const signal = id === undefined ? undefined : byId.get(id);
    if (signal === undefined) throw new Error(`unexpected ${word}`);
    const value = vector?.[1] ?? scalar![1]!;
    if (value.length > signal.width) throw new Error(`${signal.path}: ${value} is too wide`);
    // Left-extended with 0, or with x and z where that is the leftmost digit.
    signal.changes.push([time, value.padStart(signal.width, /[xz]/.test(value[0]!) ? value[0]! : "0")]);
  }
  return byPath;
}

export function valueAt(s: Signal, time: number): string | undefined {
  return s.changes.filter(([t]) => t <= time).at(-1)?.[1];
}
