/** As many characters as the columns of ids and tokens hold. */
const ID_LENGTH = 48;
const MAX_DATAPROVIDER_ID = 2 ** 31 - 1;

/**
 * Whether a row may have this id or token. Others are not asked for: PostgreSQL takes an id with blanks behind it for the
 * one without, and refuses the character 0.
 */
export function mayBeId(id: string): boolean {
  return id.length <= ID_LENGTH && /^[!-~]+$/.test(id);
}

/** Whether a data provider may have this id: a positive whole number of 31 bits. */
export function mayBeDataproviderId(id: number): boolean {
  return Number.isInteger(id) && id > 0 && id <= MAX_DATAPROVIDER_ID;
}
