/** A value that kombu ≥ 5.3 marks with its Python type, such as a datetime; kept as received, to be sent unchanged. */
export class TypedValue {
  /**
   * @param type kombu's name: `datetime`, `date`, `time`, `decimal`, `uuid`, `bytes`, `base64`
   * @param value its representation in JSON, such as an ISO date
   */
  constructor(
    readonly type: string,
    readonly value: unknown,
  ) {}
}
