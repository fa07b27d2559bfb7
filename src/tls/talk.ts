/** Who makes sense of the response to a request that was understood. */
export interface Talk {
  /** All was said; nothing of what still comes belongs to it. */
  readonly isOver: boolean;
  /** Data of one event of an event stream. */
  event(data: string): void;
  /** The whole body, where it is no event stream. */
  body(text: string): void;
  /** The response has ended; `fault`: why it is not whole. */
  end(fault: string | undefined): void;
}
