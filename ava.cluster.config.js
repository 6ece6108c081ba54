// The tests that need Chromium, Python with the peers from PyPI, or real servers: see test/cluster/run.
export default {
  extensions: { ts: "module" },
  nodeArguments: ["--import=tsx"],
  files: [
    "test/interop/**/*.test.ts",
    "test/browser/**/*.test.ts",
    "test/cluster/**/*.test.ts",
    "test/fleet/**/*.test.ts",
    "test/celery/**/*.test.ts",
    "test/chart/**/*.test.ts",
    "test/deploy/**/*.test.ts",
    "test/docs/{backup,commands,first-linkage}.test.ts",
    "test/monitoring/**/*.test.ts",
    "test/production/**/*.test.ts",
    "test/faults/**/*.test.ts",
    "!test/celery/{unit,worker}/**", // need only Node
  ],
  concurrency: 3, // most of them wait for other programs
  timeout: "10m",
  workerThreads: false,
};
