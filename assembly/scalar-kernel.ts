// The scalar kernel's module. Uses no SIMD, so that every engine can compile it.
export { compareBlocks, compareRows, popcounts } from "./scalar";
export { sortMatches } from "./sort";
