/** What the source tree says about itself, read from TypeScript's own syntax trees. */

import { relative } from "node:path";
import type { Node, SourceFile } from "typescript/unstable/ast";
import * as is from "typescript/unstable/ast/is";
import { API } from "typescript/unstable/sync";

export interface Place {
  /** From the root of the source tree, with forward slashes. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly name: string;
}

export interface Syntax {
  /** Every function with a body, by the lines from its first to its last. */
  readonly functions: readonly (Place & { readonly lines: number })[];
  /** Exported functions (constants that hold one included) and classes. */
  readonly exported: readonly (Place & { readonly documented: boolean })[];
  /** Every `as unknown as T`; `name` is T. */
  readonly casts: readonly Place[];
}

/** Reads all files of the project `tsconfig` (an absolute path) that lie below the folder `root`. */
export function readSyntax(tsconfig: string, root: string): Syntax {
  const api = new API({ cwd: root });
  try {
    const { program } = api.updateSnapshot({ openProjects: [tsconfig] }).getProject(tsconfig)!;
    const found = { functions: [], exported: [], casts: [] } as Found;
    for (const name of program.getSourceFileNames()) {
      const file = relative(root, name).replaceAll("\\", "/");
      if (file.startsWith("..") || file.includes("node_modules/")) continue;
      readFile(program.getSourceFile(name)!, file, found);
    }
    return found;
  } finally {
    api.close();
  }
}

interface Found {
  readonly functions: (Place & { lines: number })[];
  readonly exported: (Place & { documented: boolean })[];
  readonly casts: Place[];
}

function readFile(source: SourceFile, file: string, found: Found): void {
  const lineAt = (at: number): number => source.getLineAndCharacterOfPosition(at).line + 1;
  const lineOf = (node: Node): number => lineAt(node.getStart(source));
  const visit = (node: Node, holder: string): void => {
    const name = nameOf(node, source) ?? holder;
    if (isFunction(node)) {
      const line = lineOf(node);
      found.functions.push({ file, line, name, lines: lineAt(node.end) - line + 1 });
    }
    if (
      is.isAsExpression(node) &&
      is.isAsExpression(node.expression) &&
      textOf(node.expression.type) === "unknown"
    )
      found.casts.push({ file, line: lineOf(node), name: textOf(node.type) });
    node.forEachChild((child) => visit(child, name));
  };
  const textOf = (node: Node): string => source.text.slice(node.getStart(source), node.end);
  for (const statement of source.statements) {
    visit(statement, "(the file itself)");
    if (!isExported(statement)) continue;
    const documented = hasDoc(source.text, statement.getStart(source));
    for (const name of functionNames(statement, source))
      found.exported.push({ file, line: lineOf(statement), name, documented });
  }
}

const isFunction = (node: Node): boolean =>
  (is.isFunctionDeclaration(node) && node.body !== undefined) ||
  (is.isMethodDeclaration(node) && node.body !== undefined) ||
  (is.isConstructorDeclaration(node) && node.body !== undefined) ||
  is.isFunctionExpression(node) ||
  is.isArrowFunction(node);

/** What a declaration, method or property is called; undefined for other nodes. */
function nameOf(node: Node, source: SourceFile): string | undefined {
  const name = (node as { readonly name?: Node }).name;
  if (name !== undefined) return source.text.slice(name.getStart(source), name.end);
  return is.isConstructorDeclaration(node) ? "constructor" : undefined;
}

const isExported = (statement: Node): boolean =>
  ((statement as { readonly modifiers?: readonly Node[] }).modifiers ?? []).some((m) =>
    is.isExportKeyword(m),
  );

/** The functions and classes that a statement declares. */
function functionNames(statement: Node, source: SourceFile): string[] {
  if (is.isFunctionDeclaration(statement) || is.isClassDeclaration(statement))
    return [nameOf(statement, source) ?? "default"];
  if (!is.isVariableStatement(statement)) return [];
  return statement.declarationList.declarations
    .filter(({ initializer: i }) => i !== undefined && (is.isArrowFunction(i) || is.isFunctionExpression(i)))
    .map((d) => nameOf(d, source)!);
}

/** A doc comment ends right above, with no empty line between. */
const hasDoc = (text: string, at: number): boolean => /\*\/[ \t]*\r?\n?[ \t]*$/.test(text.slice(0, at));
