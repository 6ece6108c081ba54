// The bit-sliced kernel's module. Requires SIMD.
export { compare5, compare6, compare7, compare8, compare9, prepareBitSliced } from "./bit-sliced";
export { countColumns, listColumns, slice } from "./planes";
