// Bundles a library's public API into one declaration file: the entry point's exports and the declarations that they
// reference, and nothing else, so that users of the package see no internal modules.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";

/** @param entry the entry point's declaration file, as tsc writes it. Returns the source of the bundled file. */
export function bundleDeclarations(entry) {
  const modules = new Map();
  const wanted = new Map(); // statement → its module, in the order of discovery
  const owners = new Map(); // name → the module that declares it: all modules share one scope

  const load = (path) => {
    if (!modules.has(path)) modules.set(path, readModule(path));
    return modules.get(path);
  };

  /** Finds the declaration of an exported name, following re-exports. */
  function find(path, name) {
    const module = load(path);
    if (module.declared.has(name)) return { path, name };
    const named = module.reexported.get(name) ?? module.imported.get(name);
    if (named !== undefined) return find(named.path, named.name);
    for (const star of module.stars) {
      const found = find(star, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function want(path, name) {
    const owner = owners.get(name);
    if (owner === path) return;
    if (owner !== undefined) throw new Error(`${name} is declared in ${owner} and in ${path}.`);
    owners.set(name, path);
    for (const statement of load(path).declared.get(name)) {
      wanted.set(statement, path);
      mention(path, statement);
    }
  }

  /** Adds every name of the module's scope that a declaration references. */
  function mention(path, node) {
    if (ts.isImportTypeNode(node)) throw new Error(`${path} has an import type, ${node.getText()}.`);
    if (ts.isIdentifier(node)) {
      const { declared, imported } = load(path);
      const found = declared.has(node.text) || imported.has(node.text) ? find(path, node.text) : undefined;
      if (found !== undefined && found.name !== node.text) {
        throw new Error(`${path} renames ${found.name}.`);
      }
      if (found !== undefined) want(found.path, found.name);
      return;
    }
    ts.forEachChild(node, (child) => {
      // The name of a member or a parameter is not a reference.
      if (!(child === node.name && ts.isIdentifier(child))) mention(path, child);
    });
  }

  /** The entry point's exports: name → whether it is exported only as a type. */
  function exportsOf(path) {
    const module = load(path);
    const names = new Map();
    for (const star of module.stars)
      for (const [name, typeOnly] of exportsOf(star)) names.set(name, typeOnly);
    for (const [name, { typeOnly }] of module.reexported) names.set(name, typeOnly);
    for (const [name, statements] of module.declared) {
      if (!statements.some(isExported)) continue;
      names.set(
        name,
        statements.every((each) => ts.isInterfaceDeclaration(each) || ts.isTypeAliasDeclaration(each)),
      );
    }
    return names;
  }

  const names = [...exportsOf(entry)].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name] of names) {
    const found = find(entry, name);
    want(found.path, found.name);
  }
  const texts = [...wanted.keys()].map((statement) =>
    statement
      .getFullText()
      .trim()
      .replace(/^export (?=declare |interface |type )/m, ""),
  );
  const list = names.map(([name, typeOnly]) => `  ${typeOnly ? "type " : ""}${name},\n`).join("");
  return `${texts.join("\n")}\nexport {\n${list}};\n`;
}

const isExported = (statement) =>
  statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;

function readModule(path) {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.ES2022, true);
  const module = { declared: new Map(), imported: new Map(), reexported: new Map(), stars: [] };
  const target = ({ moduleSpecifier }) => join(dirname(path), moduleSpecifier.text.replace(/\.js$/, ".d.ts"));
  const declare = (name, statement) =>
    module.declared.set(name, [...(module.declared.get(name) ?? []), statement]);
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement)) {
      for (const { name, propertyName } of statement.importClause.namedBindings.elements) {
        module.imported.set(name.text, { path: target(statement), name: (propertyName ?? name).text });
      }
    } else if (ts.isExportDeclaration(statement)) {
      if (statement.exportClause === undefined) module.stars.push(target(statement));
      for (const { name, propertyName, isTypeOnly } of statement.exportClause?.elements ?? []) {
        if (propertyName !== undefined) throw new Error(`${path} renames ${propertyName.text}.`);
        const from = statement.moduleSpecifier === undefined ? undefined : target(statement);
        if (from === undefined) continue; // `export {}`, or a name of this module or its imports
        const typeOnly = isTypeOnly || statement.isTypeOnly;
        module.reexported.set(name.text, { path: from, name: name.text, typeOnly });
      }
    } else if (ts.isVariableStatement(statement)) {
      for (const { name } of statement.declarationList.declarations) declare(name.text, statement);
    } else {
      declare(statement.name.text, statement);
    }
  }
  return module;
}
