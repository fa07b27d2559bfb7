// What becomes of figures in docs/evidence.
//
// What was seen of a step of the full lane, of a boot or of a guest test in it is a figure of its own, which tells the
// commit that it was seen at and stays until it is seen again: nobody has the hours to run the whole kernel matrix for
// each change. All other figures of a file are replaced together.

/**
 * Adds a record { name, figures } or { name, boot, figures } to figures by name; later keys replace earlier ones.
 *
 * @param {Record<string, object>} figures changed
 * @param {string} commit that the record was made at
 */
export function addRecord(figures, { name, boot, figures: added }, commit) {
  figures[name] = { ...figures[name], ...(boot === undefined ? added : { [boot]: seenAt(commit, added) }) };
}

function seenAt(commit, { tests, ...figures }) {
  if (tests === undefined) return { commit, ...figures };
  const dated = Object.entries(tests).map(([name, test]) => [name, { commit, ...test }]);
  return { ...figures, tests: Object.fromEntries(dated) };
}

/**
 * The figures of a file after a run.
 *
 * @param {object | undefined} old what the file has
 * @param {object} values what the run has seen for it
 * @param {{steps: Set<string>, tests: Set<string>}} there names of steps and guest tests; others are dropped
 */
export function accumulated(old, values, there) {
  if (!Object.values(values).every(isSeenAlone)) return values;
  const merged = { ...old, ...values };
  for (const [key, value] of Object.entries(merged)) {
    if ('state' in value && !there.steps.has(key)) delete merged[key];
    if (value.tests === undefined) continue;
    const tests = Object.entries({ ...old?.[key]?.tests, ...value.tests }).filter(([name]) => there.tests.has(name));
    merged[key] = { ...value, tests: Object.fromEntries(tests) };
  }
  return merged;
}

const isSeenAlone = (value) => typeof value === 'object' && value !== null && ('commit' in value || 'tests' in value);
