// Who may import whom. Each rule names a folder and the only folders of ours that it may import.
const may = (from, ...to) => ({
  name: `${from}-imports`,
  comment: `src/${from} may import only ${[from, ...to].join(", ")}`,
  severity: "error",
  from: { path: `^src/${from}/` },
  to: { path: "^src/", pathNot: `^src/(${[from, ...to].join("|")})(/|\\.ts$)` },
});

module.exports = {
  forbidden: [
    may("core"),
    may("library", "core"),
    may("cli", "core", "library"),
    {
      name: "core-is-pure",
      comment:
        "The core has no I/O: no Node module and no package but the WASM loader, which only the kernels use",
      severity: "error",
      from: { path: "^src/core/" },
      to: { dependencyTypes: ["core", "npm", "npm-dev"], pathNot: "node_modules/@assemblyscript/loader" },
    },
    {
      name: "only-kernels-touch-wasm",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/core/kernel/" },
      to: { path: "(@assemblyscript/loader|kernel-wasm\\.generated)" },
    },
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "require", "node", "default"],
    },
  },
};
