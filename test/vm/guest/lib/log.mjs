// Reads an audit log for assertions.
import assert from 'node:assert/strict';

const matches = (event, wanted) =>
  Object.entries(wanted).every(([key, value]) =>
    typeof value === 'function' ? value(event[key], event) : Object.is(event[key], value),
  );

/** The events of a log, with the questions that tests ask. `wanted` = fields with a value or a predicate. */
export function parseLog(text) {
  const events = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const find = (type, wanted = {}) => events.filter((event) => event.event_type === type && matches(event, wanted));
  return {
    events,
    of: (type) => find(type),
    find,
    /** Exactly one event, which is returned; fails with what there is instead. */
    one(type, wanted = {}) {
      const found = find(type, wanted);
      if (found.length !== 1) {
        const near = find(type)
          .slice(0, 40)
          .map((event) => JSON.stringify(event));
        assert.fail(`${found.length} ${type} events match ${describe(wanted)}; of that type:\n${near.join('\n')}`);
      }
      return found[0];
    },
    /** At least one event; the first is returned. */
    some(type, wanted = {}) {
      const [first] = find(type, wanted);
      if (!first) {
        const near = find(type)
          .slice(0, 40)
          .map((event) => JSON.stringify(event));
        assert.fail(`no ${type} event matches ${describe(wanted)}; of that type:\n${near.join('\n')}`);
      }
      return first;
    },
    /**
     * Losses that should not be. Tier hook may lose the objects that its trampolines resolve, where the kernel preempts
     * them (docs/kernels.md).
     */
    losses(tier) {
      const known = ({ class: kind, reason }) => tier === 'hook' && kind === 'file' && reason === 'recursion';
      return find('events_lost').filter((event) => !known(event));
    },
    /** None at all. */
    none(type, wanted = {}) {
      assert.deepEqual(find(type, wanted), [], `${type} events that match ${describe(wanted)}`);
    },
  };
}

const describe = (wanted) =>
  JSON.stringify(wanted, (_, value) => (typeof value === 'function' ? `(${value.toString()})` : value));
