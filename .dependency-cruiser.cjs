// Who may import whom. Each rule names a folder and the only folders of ours that it may import. The main.ts of a
// worker or the service, and what migrates the service's database, wire adapters and settings together, and may import
// them all.
const may = (from, ...to) => ({
  name: `${from}-imports`,
  comment: `src/${from} may import only ${[from, ...to].join(", ")}`,
  severity: "error",
  from: { path: `^src/${from}(/|\\.ts$)`, pathNot: "^src/(worker/main|service/main|service/migrate)\\.ts$" },
  to: { path: "^src/", pathNot: `^src/(${[from, ...to].join("|")})(/|\\.ts$)` },
});

// A driver is known to its adapter alone; and to a check of a service that uses the same server as the service's clients do.
const onlyAdapter = (adapter, ...drivers) => ({
  name: `drivers-of-${adapter}`,
  severity: "error",
  from: {
    path: "^src/",
    pathNot: `^src/(adapters/${adapter}/${adapter === "minio" ? "|check/shared-object-store\\.ts$" : ""})`,
  },
  to: { path: `node_modules/(@types/)?(${drivers.join("|")})/` },
});

module.exports = {
  forbidden: [
    may("core"),
    may("library", "core"),
    may("cli", "core", "library", "worker", "service", "exporter", "check"),
    may("celery", "core/json"),
    may("linkage", "core"),
    may("adapters", "linkage", "core", "celery"),
    may("worker", "linkage", "core", "library", "celery"),
    may("service", "linkage", "core", "library", "worker"),
    may("check", "core", "library"),
    {
      name: "exporter-is-a-client",
      comment:
        "It knows the service by its REST API alone, and shows its own health by the same server as a worker",
      severity: "error",
      from: { path: "^src/exporter/" },
      to: { path: "^src/", pathNot: "^src/(exporter/|worker/health-server\\.ts$)" },
    },
    may("config", "core"),
    {
      name: "only-one-adapter-knows-celery",
      severity: "error",
      from: { path: "^src/adapters/", pathNot: "^src/adapters/celery/" },
      to: { path: "^src/celery/" },
    },
    {
      name: "adapters-are-apart",
      comment:
        "An adapter knows no other; what they share is beside them. Both databases speak the statements of sql/",
      severity: "error",
      from: { path: "^src/adapters/([^/]+)/" },
      to: { path: "^src/adapters/[^/]+/", pathNot: "^src/adapters/($1|sql)/" },
    },
    onlyAdapter("postgres", "pg", "pg-copy-streams"),
    onlyAdapter("redis", "redis", "@redis/client"),
    onlyAdapter("minio", "minio"),
    onlyAdapter("embedded", "@electric-sql/pglite"),
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
