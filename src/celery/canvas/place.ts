import type { Signature } from "../message.js";

/** Where a signature is applied: what it inherits, and what the signature around it adds. */
export interface Place {
  readonly rootId?: string;
  readonly parentId?: string;
  readonly taskId?: string;
  readonly priority?: number;
  /** Reversed: the last item is next. */
  readonly chain?: readonly Signature[];
  readonly chord?: Signature;
  readonly groupId?: string;
  readonly groupIndex?: number;
  readonly link?: readonly Signature[];
  readonly linkError?: readonly Signature[];
}
