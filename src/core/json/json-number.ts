/** The state of scanning a JSON number. The number may end in the states from {@link NumberState.Zero} on. */
export enum NumberState {
  Minus,
  Point,
  Exponent,
  ExponentSign,
  Zero,
  Integer,
  Fraction,
  ExponentDigits,
}

/** The state after the next byte of a number, or undefined if the byte cannot continue it. */
export function nextNumberState(state: NumberState, byte: number): NumberState | undefined {
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isExponent = byte === 0x65 || byte === 0x45;
  switch (state) {
    case NumberState.Minus:
      return isDigit ? (byte === 0x30 ? NumberState.Zero : NumberState.Integer) : undefined;
    case NumberState.Zero:
      return byte === 0x2e ? NumberState.Point : isExponent ? NumberState.Exponent : undefined;
    case NumberState.Integer:
      if (isDigit) return NumberState.Integer;
      return byte === 0x2e ? NumberState.Point : isExponent ? NumberState.Exponent : undefined;
    case NumberState.Point:
      return isDigit ? NumberState.Fraction : undefined;
    case NumberState.Fraction:
      return isDigit ? NumberState.Fraction : isExponent ? NumberState.Exponent : undefined;
    case NumberState.Exponent:
      if (byte === 0x2b || byte === 0x2d) return NumberState.ExponentSign;
      return isDigit ? NumberState.ExponentDigits : undefined;
    default:
      return isDigit ? NumberState.ExponentDigits : undefined;
  }
}
