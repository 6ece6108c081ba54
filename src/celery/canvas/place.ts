import type { Signature } from "../message.js";

/** Where a signature is applied: what it inherits, and what the signature around it adds. */
export interface Place {
  readonly rootId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly taskId?: string | undefined;
  readonly priority?: number | undefined;
  /** Reversed: the last item is next. */
  readonly chain?: readonly Signature[] | undefined;
  readonly chord?: Signature | undefined;
  readonly groupId?: string | undefined;
  readonly groupIndex?: number | undefined;
  readonly link?: readonly Signature[] | undefined;
  readonly linkError?: readonly Signature[] | undefined;
}
