// What an event says that a caller may want to fail on (`--fail-on`).

/** loss: events are missing. blind: something happened that could not be seen. The rest are verdicts of a policy. */
export const FINDINGS = ['block', 'would-block', 'hold', 'loss', 'blind'] as const;
export type Finding = (typeof FINDINGS)[number];

const BY_ACTION = new Map<string, Finding>([
  ['BLOCKED', 'block'],
  ['WOULD_BLOCK', 'would-block'],
  ['HELD', 'hold'],
  ['WOULD_HOLD', 'hold'],
]);
const BY_TYPE = new Map<string, Finding>([
  ['events_lost', 'loss'],
  ['enforcement_gap', 'blind'],
  // What a process does through a ring shows no syscall.
  ['io_uring_setup', 'blind'],
]);

/** The type that is a finding only by what its `coverage` says. */
export const COVERAGE = 'tls_coverage';

/**
 * The finding that an event is by its type, or else by its action; undefined for most events. `coverage`: the field of
 * that name. What was read in part was not seen in part.
 */
export const findingOf = (eventType: string, action: string, coverage: unknown): Finding | undefined =>
  eventType === COVERAGE && coverage !== 'read' ? 'blind' : (BY_TYPE.get(eventType) ?? BY_ACTION.get(action));
