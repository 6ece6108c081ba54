// The bit-sliced kernel's fixed addresses, below the module's static data (memoryBase in asconfig.json). They are
// constants, so that the address of a plane is an immediate of the load instruction.

/** The planes of the current block, 16 bytes each: at most 4,095 columns and the zero plane. */
export const PLANES: usize = 4096;
/** A row's counters before its first plane. */
export const START: usize = PLANES + 65536;
/** The slots of surviving rows: counters and dead lanes of each. */
export const SLOTS: usize = START + 256;
export const SLOT_COUNT: i32 = 64;
/** One i32 per slot: its list row. */
export const SLOT_ROWS: usize = SLOTS + 64 * 160;
/** Room for two 64 × 64 bit matrices. */
export const MATRIX: usize = SLOT_ROWS + 256;
/** For each byte value, the plane offsets of its set bits: eight u16. */
export const BYTE_OFFSETS: usize = MATRIX + 1024;
/** For each class of allowed misses, one i32: steps before the first look, rows seen, rows that survived. */
export const FIRST_STEPS: usize = BYTE_OFFSETS + 4096;
export const ROWS_SEEN: usize = FIRST_STEPS + 512;
export const ROWS_ALIVE: usize = ROWS_SEEN + 512;
