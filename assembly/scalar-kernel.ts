// The module of the scalar kernel: no SIMD, so that every engine compiles it.
export { compareBlocks, compareRows, popcounts } from "./scalar";
export { sortMatches } from "./sort";
