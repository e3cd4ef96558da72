/** A resolved config as YAML, optionally with where each value came from in a comment. */

import { Document, isMap, isScalar, type Node, type YAMLMap } from "yaml";
import type { LoadedConfig } from "./load.js";

export function printConfig(loaded: LoadedConfig, withProvenance: boolean): string {
  if (!withProvenance) return loaded.text;
  const doc = new Document(loaded.config, { version: "1.2" });
  const comment = (map: YAMLMap, path: string): void => {
    for (const pair of map.items) {
      const key = path + String(isScalar(pair.key) ? pair.key.value : pair.key);
      const value = pair.value as Node | null;
      if (isMap(value) && value.items.length > 0) comment(value, `${key}.`);
      else if (value) {
        if (!isScalar(value)) (value as { flow?: boolean }).flow = true;
        value.comment = ` ${loaded.provenance.get(key)?.source ?? "default"}`;
      }
    }
  };
  if (isMap(doc.contents)) comment(doc.contents, "");
  return alignComments(doc.toString({ lineWidth: 0 }));
}

/** Lines up the comments of a block of YAML. */
function alignComments(text: string): string {
  const lines = text.trimEnd().split("\n");
  const cut = (line: string): number => line.lastIndexOf(" # ");
  const width = Math.min(56, Math.max(...lines.map(cut)));
  return `${lines.map((l) => (cut(l) < 0 ? l : `${l.slice(0, cut(l)).padEnd(width)}${l.slice(cut(l))}`)).join("\n")}\n`;
}
