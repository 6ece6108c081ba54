/** Length of the columns for ids and tokens, in characters. */
const ID_LENGTH = 48;
const MAX_DATAPROVIDER_ID = 2 ** 31 - 1;

/**
 * Whether a row can have this id or token. Others are not queried, because PostgreSQL ignores trailing blanks in ids
 * and rejects the NUL character.
 */
export function mayBeId(id: string): boolean {
  return id.length <= ID_LENGTH && /^[!-~]+$/.test(id);
}

/** Whether a row of `dataproviders` can have this id: a positive 31-bit integer. */
export function mayBeDataproviderId(id: number): boolean {
  return Number.isInteger(id) && id > 0 && id <= MAX_DATAPROVIDER_ID;
}
